-- Scores with a rank missing, or ranks without a score.
-- tables: fact_score
select
    edition,
    city_id,
    node,
    score,
    rank
from fact_score
where (score is null) != (rank is null)
order by edition, city_id, node;
