# For cloudflare/pint: pint --offline lint prometheus_rules/generated/*.rules.yaml
# Each check that is switched off says why; all others hold.

checks {
  disabled = [
    # Wants a rule to stand in one group with the rules that record what it reads. Here no rule reads another of its own
    # group, on purpose: vmalert may not have stored it yet, and Mimir evaluates such rules one after the other. Figures
    # that are compared with each other are recorded in one group, and read by the groups after it.
    "rule/dependency",

    # Takes the format of `printf` for the query itself where an argument is a variable (`$of`, `$seconds`), and so sees
    # a syntax error in every text. `generate` parses each of these queries, and the rule tests expand the texts.
    "alerts/template",
  ]
}

rule {
  match {
    kind = "alerting"
    name = "VoiceSLODefinitionDrift"
  }

  # The condition is the matcher `definition!="…"`: any series is another definition than the one of the rules.
  disable = ["alerts/comparison"]
}

# What whoever is woken, and whatever routes the alert, can count on.
rule {
  match {
    kind = "alerting"
  }

  annotation "summary" {
    severity = "bug"
    required = true
  }

  annotation "description" {
    severity = "bug"
    required = true
  }

  label "severity" {
    severity = "bug"
    required = true
    value    = "page|ticket|info"
  }

  label "owner" {
    severity = "bug"
    required = true
  }
}
