"""A city's factsheet: what is told (`facts.py`), set as PDF (``factsheet.typ``) and as HTML (`page.py`).

What belongs here: one city in one edition, from the public mart alone. What does not: any number that the mart does not
hold, but the parts of a change, which add up to it.
"""
