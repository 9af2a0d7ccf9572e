"""What goes back to a city: findings at the cells of its own workbook, and the verification report.

What belongs here: texts and layout for one submission. What does not: what was found and decided (`intake`). All of it
is confidential: it is for the city and its verifier.
"""
