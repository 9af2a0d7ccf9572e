-- One row per node of the whole tree, for every reader: what is measured.
select
    node,
    parent,
    level,
    position,
    name,
    kpi_code,
    printed_code,
    definition,
    dimension,
    sub_dimension,
    category,
    kpi_level,
    kind,
    unit,
    direction,
    sdg_references,
    is_scored
from catalogue_nodes
order by position;
