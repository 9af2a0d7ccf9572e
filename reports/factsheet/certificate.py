"""What a certificate attests: that a city reported, how much of it was verified, and where it stands.

What belongs here: the statements, from the public mart alone. What does not: layout (``certificate.typ``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from reports import words
from reports.mart import ReportError

Row = Mapping[str, Any]
NUMBER_LENGTH = 16


def certificate_facts(
    facts: Row, about: Row, index: Row, values: Sequence[Row], n_points: int, n_kpis: int
) -> dict[str, Any]:
    """The facts of a certificate.

    Args:
        facts: Those of the city's factsheet.
        about: The edition's row of ``dim_edition``.
        index: The city's row of ``fact_score`` at the index.
        values: Its rows of ``fact_value`` in the edition; none where it shows its scores alone.
        n_points: Data points of the framework.
        n_kpis: KPIs of the framework.

    Returns:
        Texts; ``number`` is drawn from the content of the mart and what is attested: the same mart gives the same
        number, another mart another.

    Raises:
        ReportError: If the city reported nothing for the year itself.
    """
    if not index["coverage"]:
        raise ReportError(f"{facts['city']} reported nothing for {facts['edition']}, so there is nothing to attest.")
    own = [row for row in values if not row["is_carried"]]
    reported = {row["kpi_code"] for row in own}
    files = sorted({row["file_sha256"] for row in own})
    year = facts["edition"]
    statements = [
        "reported the key performance indicators for smart sustainable cities (U4SSC, Recommendation ITU-T Y.4903) "
        f"for {year}"
    ]
    if own:
        statements.append(
            f"had {len(own)} of {n_points} data points, of {len(reported)} of {n_kpis} KPIs, verified, and agreed to "
            "their publication"
        )
    else:
        statements.append("agreed to the publication of its scores; its values are confidential")
    if index["rank"] is not None:
        statements.append(
            f"is number {index['rank']} of "
            f"{words.count(about['n_ranked'], 'ranked city that is', 'ranked cities that are')} shown, "
            f"with an index of {words.score(index['score'])} of 100 on {words.percent(index['coverage'])} of the "
            "scored data points"
        )
    sure = next((row for row in facts["sureness"].get("rows", ()) if row["is_own"]), None)
    if sure is not None:
        statements.append(
            f"lies between the places {sure['low']} and {sure['high']} among the cities with open values in 90 % of "
            "the replications of the index"
        )
    attested = [facts["content"], facts["city_id"], year, statements, files]
    number = hashlib.sha256(json.dumps(attested, ensure_ascii=False).encode()).hexdigest()[:NUMBER_LENGTH]
    is_final = about["status"] == "release"
    limits = (
        [] if is_final else [f"The edition is a {about['status']}: this page attests nothing until it is released."]
    )
    if facts["notice"]:
        limits.insert(0, facts["notice"])
    kept = ("city", "city_id", "country_code", "edition", "status", "content", "legend", "profile")
    return {name: facts[name] for name in kept} | {
        "names": {facts["city_id"]: facts["city"]},
        "statements": statements,
        "limits": limits,
        "number": "-".join(number[place : place + 4] for place in range(0, NUMBER_LENGTH, 4)),
        "files": [name[:16] for name in files],
        "made_by": f"Framework {about['framework_version']}, method {about['method']}.",
        "wheel": facts["wheel"],
        "wheel_told": facts["wheel_told"],
    }
