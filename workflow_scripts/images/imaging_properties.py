"""Properties of the imaging that can be given a common value: their names, in the order in which versions list them."""

PROPERTIES = ("seeing", "noise", "background", "extinction")
# What can be made common in images as they were received.
OF_RECEIVED_IMAGES = PROPERTIES[:3]


def version_name(name: str, common: list[str]) -> str:
    """Name of the survey, recipe or network that has these properties in common and else is `name`."""
    return f"{name}_common_{'_'.join(one for one in PROPERTIES if one in common)}"
