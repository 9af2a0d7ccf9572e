-- One row per city, for every reader: who it is and which peers it has.
with latest as (
    select
        city_id,
        max(edition) as last_edition,
        min(edition) as first_edition
    from index_cities
    group by city_id
)

select
    register.city_id,
    register.name,
    register.country_code,
    register.country,
    register.region,
    register.income_group,
    city.size_class,
    city.population,
    latest.first_edition,
    latest.last_edition,
    workspace.is_demo,
    register.is_named
from raw_cities as register
inner join latest on register.city_id = latest.city_id
inner join index_cities as city
    on latest.city_id = city.city_id and latest.last_edition = city.edition
cross join workspace
order by register.city_id;
