-- Nodes whose parent is not in the tree, and more than one root.
-- tables: dim_kpi
select
    node,
    parent
from dim_kpi
where
    parent not in (select node from dim_kpi)
    or (parent is null and node != 'index')
order by node;
