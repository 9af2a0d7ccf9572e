"""The explorer: a folder of static files, made from the public mart alone, that any browser opens.

What belongs here: the data that its pages need (`payload.py`, `detail.py`), writing them (`build.py`), and the pages
themselves (``static/``: HTML, CSS and plain JavaScript without a library). What does not: any number of its own.
"""
