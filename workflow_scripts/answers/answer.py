"""An answer to a question: yes, no or cannot tell, how large, how surely, and what would tell more.

Sentences are composed from answers, never beside them.
"""

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any

from workflow_scripts.statistics.log_p import p_in_words
from workflow_scripts.statistics.result import plain

YES, NO, CANNOT_TELL = "yes", "no", "cannot tell"
PRIMARY, SECONDARY, CONTROL, POSITIVE_CONTROL = "primary", "secondary", "control", "positive control"
HEADLINE_WORDS = 30


@dataclass(frozen=True)
class Effect:
    """How large: `value` and its 95 % interval in `unit`, and where to, in words."""

    value: float | None = None
    ci95: tuple[float, float] | None = None
    unit: str = ""
    direction: str | None = None


@dataclass(frozen=True)
class Answer:
    """The answer to one question.

    `test` is the name of the test that decides; `p_adjusted` its p after adjustment within its family; `limit95` the
    largest effect, in the effect's unit, that is compatible with the data at 95 % (None where nothing is excluded).
    `because` are sentences on what the answer rests on or lacks, `beside` on another answer that seems to differ,
    `next` on what would tell more. `statement` is the answer as a sentence without p; `short`, of at most 20 words, is
    its part of a headline. `role` is `PRIMARY` for a question that was chosen beforehand, `CONTROL` for one whose "yes"
    speaks against the experiment, and `POSITIVE_CONTROL` for one whose "no" does.
    """

    question: str
    test: str
    answer: str
    statement: str
    short: str
    _: KW_ONLY
    effect: Effect = field(default_factory=Effect)
    p_adjusted: float | None = None
    limit95: float | None = None
    because: Sequence[str] = ()
    beside: Sequence[str] = ()
    next: Sequence[str] = ()
    role: str = PRIMARY

    def __post_init__(self) -> None:
        if self.answer not in (YES, NO, CANNOT_TELL):
            raise ValueError(f"an answer is yes, no or cannot tell, not {self.answer!r}")
        if self.answer == NO and self.limit95 is None and self.role != CONTROL:
            raise ValueError(f"{self.question}: no is an answer only where a size of effect is excluded")

    def as_dict(self) -> dict[str, Any]:
        """For summary.json."""
        return {
            "question": self.question,
            "test": self.test,
            "answer": self.answer,
            "effect": plain(vars(self.effect)),
            "p_adjusted": plain(self.p_adjusted),
            "limit95": plain(self.limit95),
            "because": list(self.because),
            "beside": list(self.beside),
            "next": list(self.next),
            "role": self.role,
            "statement": self.statement,
        }

    @property
    def text(self) -> str:
        """The answer in sentences: the estimate first, then the p, then what it rests on."""
        p = "" if self.p_adjusted is None else f" (adjusted p = {p_in_words(self.p_adjusted)})"
        return " ".join([f"{self.statement.rstrip('.')}{p}.", *self.because, *self.beside])


def headline(
    answers: Sequence[Answer],
    most_words: int = HEADLINE_WORDS,
    shortened: Callable[[str], str] = lambda sentence: sentence,
) -> str:
    """One sentence of at most so many words: a control that speaks against the experiment first, then what is known.

    `shortened` may say what parts have in common once, before words are counted. Raises `ValueError` without any
    answer.
    """
    if not answers:
        raise ValueError("there is no answer to put in a headline")
    alarms = [one for one in answers if (one.role, one.answer) in ((CONTROL, YES), (POSITIVE_CONTROL, NO))]
    primary = [one for one in answers if one.role == PRIMARY] or list(answers)
    known = [one for wanted in (YES, NO, CANNOT_TELL) for one in primary if one.answer == wanted]
    parts = list(dict.fromkeys(part.short.rstrip(".") for part in [*alarms, *known]))
    for number in range(len(parts), 0, -1):
        following = [f"{one[0].lower()}{one[1:]}" for one in parts[1:number]]
        sentence = shortened("; ".join([parts[0], *following]) + ".")
        if len(sentence.split()) <= most_words:
            return sentence
    return " ".join(known[0].short.split()[: most_words - 1]) + " ..."


def answers_text(answers: Sequence[Answer]) -> str:
    """All answers as text, in their order; what several of them rest on is said once."""
    said: set[str] = set()
    texts = []
    for one in answers:
        texts.append(replace(one, because=[sentence for sentence in one.because if sentence not in said]).text)
        said.update(one.because)
    return " ".join(texts)
