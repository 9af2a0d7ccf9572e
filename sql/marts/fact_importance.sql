-- One row per edition, node and part of it, for analysts: what the part drives beside the weight it was given.
select
    edition,
    node,
    part,
    level,
    n_cities,
    weight,
    r2,
    main_effect,
    share,
    weight_share,
    gap,
    reason
from audit_importance
order by edition, node, part;
