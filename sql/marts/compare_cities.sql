-- Macro for analysts: two cities side by side, each edition and node from the index to the sub-dimensions.
create or replace macro compare_cities(a, b) as table
with first_city as (
    select
        edition,
        node,
        level,
        name,
        score,
        rank
    from city_profile
    where city_id = a
),

second_city as (
    select
        edition,
        node,
        score,
        rank
    from city_profile
    where city_id = b
)

select
    first_city.edition,
    first_city.level,
    first_city.name,
    first_city.score as score_a,
    second_city.score as score_b,
    first_city.score - second_city.score as difference,
    first_city.rank as rank_a,
    second_city.rank as rank_b,
    first_city.node
from first_city
inner join second_city
    on first_city.edition = second_city.edition and first_city.node = second_city.node
order by first_city.edition, first_city.node;

comment on macro table compare_cities is 'compare_cities(a, b): two city_id side by side, each edition and node from index to sub-dimension.';
