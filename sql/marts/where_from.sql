-- Macro for analysts: a value with its provenance, back to file and cell.
create or replace macro where_from(a, point) as table
select
    fact_value.edition,
    fact_value.data_point,
    fact_value.value,
    fact_value.unit,
    fact_value.value_year,
    fact_value.is_carried,
    fact_value.is_restated,
    fact_value.derivation,
    fact_value.quality,
    fact_value.source,
    fact_value.sheet,
    fact_value.cell,
    fact_value.file_sha256
from fact_value
where fact_value.city_id = a and (fact_value.data_point = point or fact_value.kpi_code = point)
order by fact_value.edition, fact_value.data_point;

comment on macro table where_from is 'where_from(city_id, data_point or KPI): values over the editions with how they were derived, their source, and the file, sheet and cell that they were read from.';
