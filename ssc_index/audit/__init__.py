"""The audit of an index: does it measure what its framework says, and how much hangs on each choice.

What belongs here: statistics of several columns at once, and the index computed anew with something left out or
changed. What does not: single columns (`statistics.py`), time (`trends.py`) and random variation of inputs.
"""
