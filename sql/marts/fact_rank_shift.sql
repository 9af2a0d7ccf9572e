-- One row per edition and uncertain choice, for cities and analysts: what moves the ranking as a whole.
select
    edition,
    input,
    first,
    first_low,
    first_high,
    total,
    total_low,
    total_high,
    variance,
    n_points
from uncertainty_rank_shift
order by edition, input;
