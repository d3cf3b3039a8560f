"""A Markdown table of fits, from their JSON records."""

import json
import sys

print("| law | log-likelihood | parameters | ν | AIC | BIC | converged |")
print("| --- | ---: | ---: | ---: | ---: | ---: | --- |")
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        fit = json.load(file)
    dof = "–" if fit["dof"] is None else f"{fit['dof']:.3f}"
    print(
        f"| {fit['model']} | {fit['log_likelihood']:.3f} | {fit['n_parameters']} | {dof} "
        f"| {fit['aic']:.1f} | {fit['bic']:.1f} | {'yes' if fit['converged'] else 'no'} |"
    )
