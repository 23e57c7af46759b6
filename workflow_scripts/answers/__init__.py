"""What experiments and audits answer: questions, how they are decided, and the sentences made of them."""
