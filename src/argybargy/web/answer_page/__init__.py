"""The page behind a link in a notification: plain HTML, without a script.

`page` renders it; ``answer.css`` is served from here. It shows a question and a form,
or one sentence that says why there is nothing to answer.
"""
