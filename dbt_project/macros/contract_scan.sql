{#
  The promises of one contract, judged inside a dbt test.

  The files in tests/contracts are compiled from config/contracts and hold only the rules, already
  as SQL for each warehouse. All rules of a model are one scan; keys of failing rows are asked for
  in one more query, and only when something failed. Verdicts leave as one log line, and each
  failed error rule is a row of the test, so that a plain `dbt build` stops what is downstream.

  `day` is the column of a table that is built by day: in a run of some days, rules of single rows
  look at those days alone, and say so.

  `measures` are figures of the whole table that the same statement takes for the monitors; they
  leave in the line of the verdicts.
#}

{% macro contract_scan(relation, rules, families, day=none, measures={}) %}
  {%- if not execute or flags.WHICH not in ['build', 'test', 'retry'] -%}
    {{ return(contract_rows([])) }}
  {%- endif -%}
  {%- set types = {} -%}
  {%- for column in adapter.get_columns_in_relation(relation) -%}
    {%- do types.update({column.name | lower: column.dtype | lower}) -%}
  {%- endfor -%}
  {%- set scanned = [] -%}
  {%- set verdicts = [] -%}
  {%- for rule in rules -%}
    {%- if 'types' in rule -%}
      {%- do verdicts.append(contract_schema(rule, types, families)) -%}
    {%- elif 'listed' in rule -%}
      {%- do verdicts.append(contract_columns(rule, types)) -%}
    {%- elif 'refused' in rule -%}
      {#- It has no words in this warehouse's SQL. -#}
      {%- do verdicts.append(contract_verdict(rule, false, '', '', '', rule.refused)) -%}
    {%- else -%}
      {%- set absent = rule.columns | reject('in', types) | list -%}
      {%- if absent -%}
        {%- do verdicts.append(contract_verdict(rule, false, '', '', '',
              rule.relation ~ " has no column '" ~ absent[0] ~ "'.")) -%}
      {%- else -%}
        {%- do scanned.append(rule) -%}
      {%- endif -%}
    {%- endif -%}
  {%- endfor -%}
  {%- set measured = [] -%}
  {%- if scanned -%}
    {%- set figures = contract_figures(measures, types, families) -%}
    {%- set statement = contract_statement(relation, scanned, day, figures, measures) -%}
    {%- set row = run_query(statement).rows[0] -%}
    {%- set samples = contract_samples(relation, scanned, row, types, day) -%}
    {%- set aside = contract_set_aside(relation, scanned, row, day)
          if scanned | selectattr('quarantine', 'defined') | selectattr('quarantine') | list
          else {'rules': [], 'error': none} -%}
    {#- The other rules are about the rows that stay. -#}
    {%- if aside.rules and not aside.error -%}
      {%- set rest = run_query(statement).rows[0] -%}
      {%- set rest_samples = contract_samples(relation, scanned, rest, types, day) -%}
    {%- else -%}
      {%- set rest, rest_samples = row, samples -%}
    {%- endif -%}
    {%- if figures -%}
      {%- set taken = [] -%}
      {%- for name, column, expression, lately in figures -%}
        {%- set value = rest[4 * scanned | length + loop.index0] -%}
        {%- do taken.append([name, column, none if value is none else value | string]) -%}
      {%- endfor -%}
      {%- do measured.append({'measured': scanned[0].relation, 'figures': taken}) -%}
    {%- endif -%}
    {%- for rule in scanned -%}
      {%- set at = 4 * loop.index0 -%}
      {%- set moved = rule.name in aside.rules -%}
      {%- set found = row if moved else rest -%}
      {%- set sample = (samples if moved else rest_samples).get(rule.name, {}) -%}
      {%- set observed, failing = found[at], found[at + 1] -%}
      {%- if rule.unique and 'total' in sample -%}
        {%- set observed, failing = sample.total, sample.total -%}
      {%- endif -%}
      {%- set verdict = contract_verdict(
            rule, found[at + 3] | int == 1, observed, failing, found[at + 2],
            aside.error if moved else none) -%}
      {%- if moved -%}
        {%- do verdict.update({'passed': false}) -%}
        {%- if not aside.error -%}
          {%- do verdict.update({'severity': 'WARN', 'set_aside': failing}) -%}
        {%- else -%}
          {%- do verdict.update({'severity': 'ERROR'}) -%}
        {%- endif -%}
      {%- endif -%}
      {%- do verdict.update({'sample_keys': sample.get('keys', [])}) -%}
      {%- if day and is_backfill() and '__dataplatform_days__' in rule.reproduce -%}
        {%- do verdict.update({
              'rows': 'of ' ~ day ~ ' ' ~ var('start_date')
                ~ (' to ' ~ var('end_date') if var('end_date') != var('start_date') else ''),
              'sql': verdict.sql | replace('__dataplatform_days__', in_backfill(day) | trim)}) -%}
      {%- elif day -%}
        {%- do verdict.update({'sql': verdict.sql | replace('__dataplatform_days__', 'true')}) -%}
      {%- endif -%}
      {%- do verdicts.append(verdict) -%}
    {%- endfor -%}
  {%- endif -%}
  {%- do log('dataplatform-verdicts ' ~ tojson(verdicts + measured), info=true) -%}
  {{ return(contract_rows(verdicts)) }}
{% endmacro %}


{#- The figures that can be taken: a column of another type has its own rule to say so. -#}
{% macro contract_figures(measures, types, families) %}
  {%- set right = [] -%}
  {%- for name, physical in types.items() -%}
    {%- set family = measures.get('families', {}).get(name) -%}
    {%- set base = 'list' if physical.endswith(']') else physical.split('(')[0] | trim -%}
    {%- if not family or base in families.get(family, []) -%}{%- do right.append(name) -%}{%- endif -%}
  {%- endfor -%}
  {%- set found = [] -%}
  {%- for figure in measures.get('figures', []) -%}
    {%- if (not figure[1] or figure[1] | lower in right)
        and (not figure[3] or measures.recent in right) -%}
      {%- do found.append(figure) -%}
    {%- endif -%}
  {%- endfor -%}
  {{ return(found) }}
{% endmacro %}


{% macro contract_statement(relation, rules, day, figures, measures) %}
  {%- set inner, outer, lately_inner = ['count(*) as row_total'], [], [] -%}
  {%- set text = dbt.type_string() -%}
  {%- for rule in rules -%}
    {%- do inner.extend(rule.aggregates) -%}
    {%- do outer.append('cast(' ~ rule.observed ~ ' as ' ~ text ~ ')') -%}
    {%- do outer.append('cast(' ~ rule.failing ~ ' as ' ~ text ~ ')') -%}
    {%- do outer.append('cast(' ~ rule.considered ~ ' as ' ~ text ~ ')') -%}
    {%- do outer.append('case when ' ~ rule.passed ~ ' then 1 else 0 end') -%}
  {%- endfor -%}
  {%- for name, column, expression, lately in figures -%}
    {%- do (lately_inner if lately else inner).append(expression ~ ' as m' ~ loop.index0) -%}
    {%- do outer.append('cast(m' ~ loop.index0 ~ ' as ' ~ text ~ ')') -%}
  {%- endfor -%}
  {%- set statement -%}
    select {% for expression in outer %}{{ expression }} as c{{ loop.index0 }}
      {{- ', ' if not loop.last }}{% endfor %}
    from (
      select {{ inner | join(', ') }}
      from __dataplatform_table__
    ) as scan
    {%- if lately_inner %}
    cross join (select {{ lately_inner | join(', ') }} from {{ measures.lately }}) as lately_scan
    {%- endif %}
  {%- endset -%}
  {{ return(contract_filled(statement, relation, day)) }}
{% endmacro %}


{% macro contract_filled(statement, relation, day) %}
  {%- set days = in_backfill(day) | trim if day else 'true' -%}
  {{ return(statement
      | replace('__dataplatform_table__', relation | string)
      | replace('__dataplatform_days__', days)) }}
{% endmacro %}


{% macro contract_samples(relation, rules, row, types, day) %}
  {%- set parts = [] -%}
  {%- for rule in rules -%}
    {%- if rule.predicate and row[4 * loop.index0 + 3] | int == 0 -%}
      {%- set key = [] -%}
      {%- for column, expression in rule.key -%}
        {%- if column in types %}{% do key.append(expression) %}{% endif -%}
      {%- endfor -%}
      {%- do parts.append(
            "select * from (select '" ~ rule.name ~ "' as rule_name, "
            ~ (key | join(" || ', ' || ") or "''") ~ " as sample_key, "
            ~ "cast(count(*) over () as " ~ dbt.type_string() ~ ") as failing from __dataplatform_table__ where "
            ~ rule.predicate ~ " order by 2 limit 20) as s" ~ loop.index) -%}
    {%- endif -%}
  {%- endfor -%}
  {%- set found = {} -%}
  {%- if parts -%}
    {%- set query = parts | join(' union all ') -%}
    {%- for name, key, total in run_query(contract_filled(query, relation, day)).rows -%}
      {%- do found.setdefault(name, {'keys': [], 'total': total}).get('keys').append(key) -%}
    {%- endfor -%}
  {%- endif -%}
  {{ return(found) }}
{% endmacro %}


{% macro contract_schema(rule, types, families) %}
  {%- set wrong = [] -%}
  {%- for name, declared, family in rule.types -%}
    {%- set physical = types.get(name | lower) -%}
    {%- if not physical -%}
      {%- do wrong.append(name ~ ' is missing') -%}
    {%- else -%}
      {%- set base = 'list' if physical.endswith(']') else physical.split('(')[0] | trim -%}
      {%- if family in families and base not in families[family] -%}
        {%- do wrong.append(name ~ ' is ' ~ physical ~ ', declared ' ~ declared) -%}
      {%- endif -%}
    {%- endif -%}
  {%- endfor -%}
  {%- set observed = wrong | join('; ') or (rule.types | length) ~ ' columns as declared' -%}
  {%- set verdict = contract_verdict(
        rule, wrong | length == 0, observed, wrong | length, rule.types | length, none) -%}
  {%- do verdict.update({'sample_keys': wrong[:20]}) -%}
  {{ return(verdict) }}
{% endmacro %}


{% macro contract_columns(rule, types) %}
  {%- set listed, wrong, columns = rule.listed, [], types | list -%}
  {%- if 'names' not in listed -%}
    {%- if columns | length < listed.get('least', 0)
        or columns | length > listed.get('most', columns | length) -%}
      {%- do wrong.append(columns | length ~ ' columns') -%}
    {%- endif -%}
  {%- elif listed.ordered -%}
    {%- if listed.names != columns -%}
      {%- do wrong.append('the order is ' ~ columns | join(', ')) -%}
    {%- endif -%}
  {%- else -%}
    {%- for name in listed.names if name not in types -%}
      {%- do wrong.append(name ~ ' is missing') -%}
    {%- endfor -%}
    {%- for name in columns if listed.exact and name not in listed.names -%}
      {%- do wrong.append(name ~ ' was not promised') -%}
    {%- endfor -%}
    {%- if not wrong and 'place' in listed
        and columns.index(listed.names[0]) != listed.place -%}
      {%- do wrong.append(listed.names[0] ~ ' is at place ' ~ columns.index(listed.names[0])) -%}
    {%- endif -%}
    {%- if not wrong and 'kinds' in listed -%}
      {%- set physical = types[listed.names[0]] -%}
      {%- set base = 'list' if physical.endswith(']') else physical.split('(')[0] | trim -%}
      {%- if base not in listed.kinds -%}
        {%- do wrong.append(listed.names[0] ~ ' is ' ~ physical) -%}
      {%- endif -%}
    {%- endif -%}
  {%- endif -%}
  {%- set observed = wrong | join('; ') or columns | length ~ ' columns' -%}
  {%- set verdict = contract_verdict(
        rule, wrong | length == 0, observed, wrong | length, columns | length, none) -%}
  {%- do verdict.update({'sample_keys': wrong[:20]}) -%}
  {{ return(verdict) }}
{% endmacro %}


{% macro contract_verdict(rule, passed, observed, failing, considered, error) %}
  {{ return({
      'name': rule.name, 'relation': rule.relation, 'passed': passed, 'severity': rule.severity,
      'expected': rule.expected, 'observed': none if observed is none else observed | string,
      'failing_count': none if failing is none else failing | string,
      'row_count': none if considered is none else considered | string,
      'sample_keys': [], 'sql': rule.reproduce, 'error': error
  }) }}
{% endmacro %}


{% macro contract_rows(verdicts) %}
  {%- set failed = [] -%}
  {%- for verdict in verdicts if not verdict.passed and verdict.severity == 'ERROR' -%}
    {%- do failed.append("select '" ~ verdict.name ~ "' as failed_rule") -%}
  {%- endfor -%}
  {{ return(failed | join(' union all ') or 'select null as failed_rule from (select 1) as nothing where false') }}
{% endmacro %}
