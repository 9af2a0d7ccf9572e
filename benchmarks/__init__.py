"""Speed and memory of whole commands and of the engine's steps; `make bench` prints the table.

What belongs here: measuring. What does not: tests; no test has a clock.
"""

from pipelines.processor import prefer_quick_sorts

prefer_quick_sorts()  # as the command line has it
