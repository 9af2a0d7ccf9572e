-- One row per edition, uncertain choice and setting, for cities and analysts: how far ranks move by it alone.
select
    edition,
    input,
    setting,
    mean_rank_shift,
    largest_rank_shift,
    n_compared
from uncertainty_one_at_a_time
order by edition, input, setting;
