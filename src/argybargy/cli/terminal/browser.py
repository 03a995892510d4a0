"""Opening a page for a person, where there is a browser that shows pages."""


def browse(url: str) -> bool:
    """Open a page in the browser of this machine.

    A browser in the terminal is left alone: it runs no scripts, and it would take the
    terminal away from whoever typed.

    Returns:
        Whether a browser has taken it.
    """
    import webbrowser  # noqa: PLC0415 - looks for programs, for one command only

    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    if type(browser) is webbrowser.GenericBrowser:
        return False
    return browser.open(url)
