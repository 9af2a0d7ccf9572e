-- One row per edition, city and data point, for analysts: the verified value and where it comes from.
select
    picked.edition,
    picked.city_id,
    picked.data_point,
    node.kpi_code,
    picked.value,
    node.unit,
    picked.year as value_year,
    picked.year < picked.edition as is_carried,
    picked.is_restated,
    derived.derivation,
    picked.quality,
    derived.source,
    picked.file_sha256,
    derived.sheet,
    derived.cell
from picked_values as picked
inner join catalogue_nodes as node on picked.data_point = node.node
inner join core_values as derived
    on
        picked.file_sha256 = derived.file_sha256
        and picked.city_id = derived.city_id
        and picked.year = derived.year
        and picked.data_point = derived.data_point
order by picked.edition, picked.city_id, picked.data_point;
