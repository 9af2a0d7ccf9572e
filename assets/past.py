"""The values that a year is compared with.

What belongs here: the query, for the step that derives values and for the command that checks a file; neither
should have to load the other's tools. What does not: the comparison (`intake.evidence`).
"""

# What values of a year are compared with: the latest submission of each city in the years before.
PAST_OF_YEAR = """
with asked as (
    select cast(? as smallint) as year
),

ranked as (
    select
        city_values.city_id,
        city_values.year,
        city_values.data_point,
        city_values.value,
        rank() over (
            partition by city_values.city_id, city_values.year
            order by city_values.received_at desc, city_values.file_sha256 desc
        ) as place
    from core."values" as city_values
    cross join asked
    where city_values.year between asked.year - ? and asked.year - 1
)

select
    city_id,
    year,
    data_point,
    value
from ranked
where place = 1
"""
