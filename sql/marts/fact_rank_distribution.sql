-- One row per edition, city and rank of the index that it had, for pictures of rank acceptability.
select
    edition,
    city_id,
    rank,
    share,
    share_error
from uncertainty_distribution
order by edition, city_id, rank;
