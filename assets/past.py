"""The values that a year is compared with.

What belongs here: the queries, for the step that derives values and for the commands that check a file and write a
form; none should have to load the others' tools. What does not: the comparison (`intake.evidence`).
"""

# What values of a year are compared with: the latest submission of each city in the years before. Figures of its
# profile stand among them as ``profile.population`` and so on.
PAST_OF_YEAR = """
with asked as (
    select cast(? as smallint) as year
),

submitted as (
    select distinct
        city_values.city_id,
        city_values.year,
        city_values.received_at,
        city_values.file_sha256
    from core."values" as city_values
    cross join asked
    where city_values.year between asked.year - ? and asked.year - 1
),

latest as (
    select
        city_id,
        year,
        file_sha256
    from submitted
    qualify row_number() over (partition by city_id, year order by received_at desc, file_sha256 desc) = 1
)

select
    city_values.city_id,
    city_values.year,
    city_values.data_point,
    city_values.value
from core."values" as city_values
inner join latest
    on city_values.city_id = latest.city_id
    and city_values.year = latest.year
    and city_values.file_sha256 = latest.file_sha256
union all
select
    figures.city_id,
    figures.year,
    figures.data_point,
    figures.value
from (
    unpivot (
        select
            submissions.city_id,
            submissions.year,
            submissions.population as "profile.population",
            submissions.households as "profile.households",
            submissions.area_km2 as "profile.area_km2",
            submissions.city_gdp as "profile.city_gdp"
        from raw.submissions as submissions
        inner join latest
            on submissions.city_id = latest.city_id
            and submissions.year = latest.year
            and submissions.file_sha256 = latest.file_sha256
    )
    on "profile.population", "profile.households", "profile.area_km2", "profile.city_gdp"
    into name data_point value value
) as figures
"""

# All that `PAST_OF_YEAR` picks from; it is there whenever that has changed.
PAST_TOLD_BY = """
with asked as (
    select cast(? as smallint) as year
)

select
    city_values.city_id,
    city_values.year,
    city_values.file_sha256,
    city_values.received_at,
    city_values.data_point,
    city_values.value
from core."values" as city_values
cross join asked
where city_values.year between asked.year - ? and asked.year - 1
union all
select
    submissions.city_id,
    submissions.year,
    submissions.file_sha256,
    null as received_at,
    cast(
        row(submissions.population, submissions.households, submissions.area_km2, submissions.city_gdp) as varchar
    ) as data_point,
    null as value
from raw.submissions as submissions
cross join asked
where submissions.year between asked.year - ? and asked.year - 1
"""

# Values and profile of the latest submission of a city for the latest year before a year.
LAST_VALUES = """
select
    city_values.year,
    city_values.data_point,
    city_values.value
from core."values" as city_values
where city_values.city_id = ? and city_values.year < ?
qualify rank() over (
    order by city_values.year desc, city_values.received_at desc, city_values.file_sha256 desc
) = 1
order by city_values.data_point
"""
LAST_PROFILE = """
select
    submissions.population,
    submissions.households,
    submissions.area_km2,
    submissions.city_gdp,
    submissions.currency,
    submissions.household_income,
    submissions.inflation_pct
from raw.submissions as submissions
inner join core."values" as city_values
    on submissions.file_sha256 = city_values.file_sha256
    and submissions.city_id = city_values.city_id
    and submissions.year = city_values.year
where city_values.city_id = ? and city_values.year < ?
order by city_values.year desc, city_values.received_at desc, city_values.file_sha256 desc
limit 1
"""
