{#- Calendar arithmetic, the same on every warehouse. -#}

{#- The calendar day of an instant, in UTC. -#}
{% macro utc_date(expression) -%}
    {{ return(adapter.dispatch('utc_date')(expression)) }}
{%- endmacro %}

{% macro default__utc_date(expression) -%}
    cast(convert_timezone('UTC', {{ expression }}) as date)
{%- endmacro %}

{% macro duckdb__utc_date(expression) -%}
    cast(timezone('UTC', {{ expression }}) as date)
{%- endmacro %}

{% macro bigquery__utc_date(expression) -%}
    date({{ expression }}, 'UTC')
{%- endmacro %}

{#- An instant as a whole number: microseconds since 1970. -#}
{% macro epoch_microseconds(expression) -%}
    {{ return(adapter.dispatch('epoch_microseconds')(expression)) }}
{%- endmacro %}

{% macro default__epoch_microseconds(expression) -%}
    date_part(epoch_microsecond, {{ expression }})
{%- endmacro %}

{% macro duckdb__epoch_microseconds(expression) -%}
    epoch_us({{ expression }})
{%- endmacro %}

{% macro bigquery__epoch_microseconds(expression) -%}
    unix_micros({{ expression }})
{%- endmacro %}

{#- Whole years between a birthday and a day; a birthday on that day counts. -#}
{% macro age_at(birthdate, day) -%}
    cast(
        extract(year from {{ day }}) - extract(year from {{ birthdate }})
        - case
            when
                extract(month from {{ day }}) * 100 + extract(day from {{ day }})
                < extract(month from {{ birthdate }}) * 100 + extract(day from {{ birthdate }})
                then 1
            else 0
        end
        as integer
    )
{%- endmacro %}

{#- The day at which ages are computed. -#}
{% macro as_of_date() -%}
    cast('{{ var("as_of_date") }}' as date)
{%- endmacro %}
