"""Open a page in the default browser."""


def browse(url: str) -> bool:
    """Open a page in the browser of this machine.

    A text browser does not count: it runs no scripts, and it would take over the
    terminal.

    Returns:
        Whether a browser was started.
    """
    import webbrowser  # noqa: PLC0415 - its import looks for browsers

    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    if type(browser) is webbrowser.GenericBrowser:
        return False
    return browser.open(url)
