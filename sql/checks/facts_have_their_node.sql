-- Nodes and data points of the facts that are not in dim_kpi.
-- tables: dim_kpi, fact_value, fact_score, fact_correlation, fact_importance
with facts as (
    select 'fact_value' as fact, data_point as node from fact_value
    union all
    select 'fact_score' as fact, node from fact_score
    union all
    select 'fact_correlation' as fact, node_a as node from fact_correlation
    union all
    select 'fact_correlation' as fact, node_b as node from fact_correlation
    union all
    select 'fact_importance' as fact, node from fact_importance
    union all
    select 'fact_importance' as fact, part as node from fact_importance
)

select distinct
    fact,
    node
from facts
where node not in (select node from dim_kpi)
order by fact, node;
