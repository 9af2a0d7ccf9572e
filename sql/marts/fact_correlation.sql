-- One row per edition, measure and pair of related nodes, for analysts: how far their scores go together.
select
    edition,
    measure,
    node_a,
    node_b,
    relation,
    n_cities,
    coefficient,
    p_value,
    flag,
    reason
from audit_correlations
order by edition, measure, node_a, node_b;
