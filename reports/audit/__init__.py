"""The statistical audit of an edition: figures (`evidence.py`), rules (`rules.py`), words (`facts.py`), PDF and HTML.

What belongs here: one edition looked at as a whole, from a mart. What does not: single cities
(`reports/factsheet`), and any method of analysis (`ssc_index/audit`).
"""
