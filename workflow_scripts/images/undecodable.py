"""What is raised for bytes that are no image."""


class UndecodableImageError(ValueError):
    """Bytes that are not the image they should be; the message says why."""
