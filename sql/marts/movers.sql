-- Macro for analysts: who rose and who fell between two editions, the largest moves first.
create or replace macro movers(y1, y2) as table
with earlier as (
    select
        city_id,
        city,
        rank,
        score
    from ranking
    where edition = y1 and rank is not null
),

later as (
    select
        city_id,
        rank,
        score
    from ranking
    where edition = y2 and rank is not null
)

select
    earlier.city,
    earlier.rank as rank_before,
    later.rank as rank_after,
    earlier.rank - later.rank as places_gained,
    earlier.score as score_before,
    later.score as score_after,
    later.score - earlier.score as score_change,
    earlier.city_id
from earlier
inner join later on earlier.city_id = later.city_id
order by abs(earlier.rank - later.rank) desc, abs(later.score - earlier.score) desc, earlier.city_id;

comment on macro table movers is 'movers(edition, later_edition): cities ranked in both, the largest moves first; places_gained is above 0 for a rise.';
