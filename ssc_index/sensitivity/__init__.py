"""Sensitivity: which choice moves the scores and ranks, and by how much.

`model.py` says what a model and a group of inputs are; `design.py` draws the points; `sobol.py` has the indices;
`shapley.py` the Shapley effects; `alternatives.py` nominal against each alternative. No framework, no method and no
city belong here: a model is any function of the unit cube.
"""
