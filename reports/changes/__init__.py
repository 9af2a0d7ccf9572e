"""Why scores and ranks changed, for people: sentences, a table for the terminal, a page.

What belongs here: words and layout. What does not: any part (`ssc_index/changes.py`).
"""
