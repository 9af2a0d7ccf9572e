-- Benchmark percentages that are not points / max_points.
-- tables: fact_benchmark
select
    edition,
    city_id,
    cut,
    node,
    kpi_level,
    points,
    max_points,
    percentage
from fact_benchmark
where abs(percentage - 100.0::double * points / max_points) > 1e-9
order by edition, city_id, cut, node, kpi_level;
