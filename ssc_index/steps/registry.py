"""Every step that a method file can name, by its name.

What belongs here: one line per step. What does not: anything of a step (its module: the parameters of its
variants in ``VARIANTS``, ``check`` for what can be wrong on a framework, ``run`` for what it does).
"""

from __future__ import annotations

from types import ModuleType

from ssc_index.steps import aggregate, denominate, derive, impute, normalise, screen, treat, weights

STEPS: dict[str, ModuleType] = {
    "denominate": denominate,
    "derive": derive,
    "screen": screen,
    "treat": treat,
    "normalise": normalise,
    "impute": impute,
    "weights": weights,
    "aggregate": aggregate,
}
