"""Images: from received bytes to the pixel arrays that networks see."""
