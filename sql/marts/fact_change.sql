-- One row per edition and city ranked in it or in the one before, for whoever explains a change: its parts.
select
    edition,
    edition_before,
    city_id,
    state,
    score_before,
    score_after,
    score_change,
    score_revised,
    score_reported,
    score_carried,
    score_others,
    score_entry_exit,
    score_framework,
    score_method,
    rank_before,
    rank_after,
    rank_change,
    rank_revised,
    rank_reported,
    rank_carried,
    rank_others,
    rank_entry_exit,
    rank_framework,
    rank_method,
    reason
from changes_parts
order by edition, city_id;
