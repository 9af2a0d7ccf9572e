-- One row per fault, warning or note, for the index team only: file, sheet, cell, KPI, value and rule.
with both_kinds as (
    select
        true as is_quarantined,
        *
    from core_quarantine
    union all
    select
        false as is_quarantined,
        *
    from core_findings
)

select
    is_quarantined,
    stage,
    path,
    file_sha256,
    city_id,
    year,
    sheet,
    cell,
    kpi_code,
    data_point,
    field,
    value,
    rule,
    severity,
    message
from both_kinds
order by all;
