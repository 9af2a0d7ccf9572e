-- Macro for analysts: what drives the index of one edition, beside the weight that it was given.
create or replace macro drivers(y) as table
select
    importance.level,
    node.name,
    importance.weight,
    importance.main_effect,
    importance.share,
    importance.weight_share,
    importance.gap,
    importance.n_cities,
    importance.reason,
    importance.part
from fact_importance as importance
inner join dim_kpi as node on importance.part = node.node
where importance.edition = y and importance.node = 'index'
order by importance.level, importance.share desc nulls last, importance.part;

comment on macro table drivers is 'drivers(edition): share of the variance of the index that each part accounts for, beside its weight; gap is above 0 where a part drives more than meant.';
