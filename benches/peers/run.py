#!/usr/bin/env python3
"""Times kronfit against NumPy and SciPy/JAX on the same files, in one run, on one thread.

    python3 benches/peers/run.py PROGRAM [--venv DIR] [--out results.json]

PROGRAM is the release binary `kronfit`, or the bench binary `fit` (called as `fit file F LAW`).
The script makes a virtual environment with numpy, scipy and, if it installs, jax, and starts itself
again inside. All programs stop at the same score max(|G_A - I|, |G_B - I|) <= 1e-8 and must reach
the same log-likelihood.
"""
import argparse, json, os, subprocess, sys, tempfile, time, venv

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

TOL = 1e-8
GAUSSIAN = [(100, 10, 10), (1000, 20, 20), (10000, 10, 10), (100, 100, 50), (50, 200, 200)]
MATRIX_T = [(100, 5, 5), (500, 10, 10), (200, 30, 20)]


def inside_venv(args):
    home = os.path.abspath(args.venv)
    python = os.path.join(home, "bin", "python")
    if not os.path.exists(python):
        venv.create(home, with_pip=True)
        subprocess.check_call([python, "-m", "pip", "-q", "install", "numpy", "scipy"])
        subprocess.call([python, "-m", "pip", "-q", "install", "jax"])
    if os.path.realpath(sys.prefix) != os.path.realpath(home):
        os.execv(python, [python, os.path.abspath(__file__)] + sys.argv[1:])


def best_of(call, budget=1.0):
    """Shortest of repeated calls, wall or on the processor: other work only adds time."""
    result, times, begin = call(), [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begin < budget:
        clock, cpu = time.perf_counter(), time.process_time()
        call()
        times.append(min(time.perf_counter() - clock, time.process_time() - cpu))
        if len(times) >= 50:
            break
    return min(times), result


def data(n, p, q, heavy, seed=7):
    import numpy as np

    rng = np.random.default_rng(seed)
    ar = lambda d, rho: np.linalg.cholesky(rho ** np.abs(np.subtract.outer(np.arange(d), np.arange(d))))
    a, b = ar(p, 0.7), ar(q, -0.5)
    x = a @ rng.standard_normal((n, p, q)) @ b.T
    if heavy:
        # A matrix t with 5 degrees of freedom: a Wishart precision on the rows.
        for i in range(n):
            t = np.tril(rng.standard_normal((p, p)), -1)
            t[np.diag_indices(p)] = np.sqrt(rng.chisquare(5 + p - 1 - np.arange(p)))
            x[i] = a @ np.linalg.solve(t.T, rng.standard_normal((p, q))) @ b.T
    return np.ascontiguousarray(x)


def flip_flop_samples(x):
    """Triangular solves and stacked products; both scatters are single large gemms."""
    import numpy as np
    from scipy.linalg import solve_triangular

    n, p, q = x.shape
    y = x - x.mean(0)
    by_col = np.ascontiguousarray(y.reshape(n * p, q).T)
    by_row = np.ascontiguousarray(y.transpose(1, 0, 2).reshape(p, n * q))
    a, b = np.eye(p), np.eye(q) * (y * y).mean()
    while True:
        z = solve_triangular(np.linalg.cholesky(b), by_col, lower=True, check_finite=False)
        z = z.reshape(q, n, p).transpose(2, 1, 0).reshape(p, n * q)
        new = z @ z.T / (n * q)
        la = np.linalg.cholesky(a)
        w = solve_triangular(la, solve_triangular(la, new, lower=True).T, lower=True)
        score = np.abs(w - np.eye(p)).max()
        if score <= TOL:
            break
        a = new
        z = solve_triangular(np.linalg.cholesky(a), by_row, lower=True, check_finite=False)
        z = z.reshape(p * n, q)
        b = z.T @ z / (n * p)
    value = -0.5 * n * p * q * np.log(2 * np.pi)
    value -= 0.5 * n * (q * np.linalg.slogdet(a)[1] + p * np.linalg.slogdet(b)[1])
    return value - 0.5 * n * q * np.trace(w)


def flip_flop_inverse(x):
    """The same by explicit inverses and batched matmul."""
    import numpy as np

    n, p, q = x.shape
    y = x - x.mean(0)
    stacked = y.reshape(n * p, q)
    wide = np.ascontiguousarray(y.transpose(1, 0, 2)).reshape(p, n * q)
    a, b = np.eye(p), np.eye(q) * (y * y).mean()
    while True:
        v = (stacked @ np.linalg.inv(b)).reshape(n, p, q).transpose(1, 0, 2).reshape(p, n * q)
        new = v @ wide.T / (n * q)
        la = np.linalg.cholesky(a)
        w = np.linalg.solve(la, np.linalg.solve(la, new).T)
        if np.abs(w - np.eye(p)).max() <= TOL:
            break
        a = (new + new.T) / 2
        v = (np.linalg.inv(a) @ wide).reshape(p, n, q).transpose(1, 0, 2).reshape(n * p, q)
        b = stacked.T @ v / (n * p)
        b = (b + b.T) / 2
    value = -0.5 * n * p * q * np.log(2 * np.pi)
    value -= 0.5 * n * (q * np.linalg.slogdet(a)[1] + p * np.linalg.slogdet(b)[1])
    return value - 0.5 * n * q * np.trace(w)


def flip_flop_moments(x):
    """By the rearranged second moments; None where they would be too large."""
    import numpy as np

    n, p, q = x.shape
    if p * q > 400:
        return None
    y = (x - x.mean(0)).reshape(n, p * q)
    s = (y.T @ y).reshape(p, q, p, q)
    r = np.ascontiguousarray(s.transpose(0, 2, 1, 3)).reshape(p * p, q * q)
    a, b = np.eye(p), np.eye(q) * (y * y).mean()
    while True:
        new = (r @ np.linalg.inv(b).ravel()).reshape(p, p) / (n * q)
        la = np.linalg.cholesky(a)
        w = np.linalg.solve(la, np.linalg.solve(la, new).T)
        if np.abs(w - np.eye(p)).max() <= TOL:
            break
        a = new
        b = (np.linalg.inv(a).ravel() @ r).reshape(q, q) / (n * p)
    value = -0.5 * n * p * q * np.log(2 * np.pi)
    value -= 0.5 * n * (q * np.linalg.slogdet(a)[1] + p * np.linalg.slogdet(b)[1])
    return value - 0.5 * n * q * np.trace(w)


def matrix_t_em(x, dof):
    """EM by batched solves on the smaller side, sides in turn, nu given."""
    import numpy as np
    from scipy.special import multigammaln

    flipped = x.shape[1] > x.shape[2]
    if flipped:
        x = np.ascontiguousarray(x.transpose(0, 2, 1))
    n, p, q = x.shape
    kappa = dof + p + q - 1
    m = x.mean(0)
    s, o = np.eye(p) * dof, np.eye(q) * ((x - m) ** 2).mean()
    step = 0
    while True:
        ls, lo = np.linalg.cholesky(s), np.linalg.cholesky(o)
        il, io = np.linalg.inv(ls), np.linalg.inv(lo)
        z = il @ (x - m) @ io.T
        g = z @ z.transpose(0, 2, 1) + np.eye(p)
        w = np.linalg.inv(g)
        psi = kappa * (w @ z)
        zl, pl = z.transpose(1, 0, 2).reshape(p, n * q), psi.transpose(1, 0, 2).reshape(p, n * q)
        ga = zl @ pl.T / (n * q)
        gb = z.reshape(n * p, q).T @ psi.reshape(n * p, q) / (n * p)
        score = max(np.abs(ga - np.eye(p)).max(), np.abs(gb - np.eye(q)).max())
        mean_step = np.linalg.solve(kappa * w.sum(0), psi.sum(0))
        if max(score, np.abs(mean_step).max()) <= TOL:
            break
        m = m + ls @ mean_step @ lo.T
        if step % 2 == 0:
            s = ls @ np.linalg.inv(kappa * np.eye(p) - q * ga) @ ls.T * (dof + p - 1)
            o = lo @ gb @ lo.T
        else:
            o = lo @ np.linalg.inv(kappa * np.eye(q) - p * gb) @ lo.T * (dof + q - 1)
            s = ls @ ga @ ls.T
        s, o = (s + s.T) / 2, (o + o.T) / 2
        step += 1
    value = n * (multigammaln(kappa / 2, p) - multigammaln((dof + p - 1) / 2, p))
    value -= 0.5 * n * p * q * np.log(np.pi) + 0.5 * kappa * np.linalg.slogdet(g)[1].sum()
    logs = lambda l: 2 * np.log(np.diag(l)).sum()
    return value - 0.5 * n * (q * logs(ls) + p * logs(lo))


def lbfgs_jax(x):
    """L-BFGS over log-Cholesky coordinates with gradients by autodiff."""
    import numpy as np
    import jax, jax.numpy as jnp
    from jax.scipy.linalg import solve_triangular
    from scipy.optimize import minimize

    jax.config.update("jax_enable_x64", True)
    n, p, q = x.shape
    y = jnp.asarray(x - x.mean(0))
    rows, cols = np.tril_indices(p), np.tril_indices(q)
    wide = y.transpose(1, 0, 2).reshape(p, n * q)

    def lower(theta, index, d):
        l = jnp.zeros((d, d)).at[index].set(theta)
        return jnp.tril(l, -1) + jnp.diag(jnp.exp(jnp.diag(l)))

    def loss(theta):
        la, lb = lower(theta[: len(rows[0])], rows, p), lower(theta[len(rows[0]) :], cols, q)
        z = solve_triangular(la, wide, lower=True).reshape(p, n, q)
        z = solve_triangular(lb, z.reshape(p * n, q).T, lower=True)
        logs = n * (q * jnp.log(jnp.diag(la)).sum() + p * jnp.log(jnp.diag(lb)).sum())
        return (0.5 * (z * z).sum() + logs) / (n * p * q)

    both = jax.jit(jax.value_and_grad(loss))
    theta = np.zeros(len(rows[0]) + len(cols[0]))
    both(theta)[0].block_until_ready()

    def call():
        fun = lambda t: tuple(np.asarray(v, float) for v in both(t))
        # The gradient of the mean is about the score over max(p, q).
        return minimize(fun, theta, jac=True, method="L-BFGS-B",
                        options=dict(maxiter=5000, maxfun=20000, ftol=1e-16, gtol=TOL / max(p, q), maxcor=20))

    seconds, result = best_of(call)
    return seconds, -result.fun * n * p * q - 0.5 * n * p * q * np.log(2 * np.pi)


def kronfit(program, path, law, dof):
    if os.path.basename(program).startswith("fit"):
        name = law if dof is None else f"{law}-{dof:g}"
        run = [program, "file", path, name]
        out = json.loads(subprocess.check_output(run, env=dict(os.environ, KRONFIT_THREADS="1")))
        return out["seconds"], out["log_likelihood"]
    run = [program, "fit", path, "--model", law, "--json", "-", "--threads", "1", "--quiet"]
    run += [] if dof is None else ["--dof", f"{dof:g}"]
    outs = [json.loads(subprocess.check_output(run)) for _ in range(5)]
    return min(out["seconds"] for out in outs), outs[0]["log_likelihood"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--venv", default=os.path.join(tempfile.gettempdir(), "kronfit-peers"))
    parser.add_argument("--out")
    args = parser.parse_args()
    inside_venv(args)
    import numpy as np

    try:
        import jax
    except ImportError:
        jax = None
        print("jax is not here: no autodiff rows")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.npy")
        for law, dims in (("gaussian", GAUSSIAN), ("matrix-t", MATRIX_T)):
            for n, p, q in dims:
                x = data(n, p, q, law == "matrix-t")
                np.save(path, x)
                ours, value = kronfit(args.program, path, law, 5 if law == "matrix-t" else None)
                peers = {}
                if law == "gaussian":
                    for f in (flip_flop_samples, flip_flop_inverse, flip_flop_moments):
                        seconds, other = best_of(lambda: f(x))
                        if other is not None:
                            peers[f.__name__] = (seconds, other)
                    if jax is not None and p * q <= 400:
                        peers["lbfgs_jax"] = lbfgs_jax(x)
                else:
                    peers["matrix_t_em"] = best_of(lambda: matrix_t_em(x, 5.0))
                for name, (seconds, other) in peers.items():
                    agree = abs(other / value - 1)
                    print(f"{law} ({n}, {p}, {q}): kronfit {ours * 1e3:9.3f} ms, {name} "
                          f"{seconds * 1e3:9.3f} ms, ratio {ours / seconds:.3f}, values differ by {agree:.0e}",
                          flush=True)
                    rows.append(dict(law=law, n=n, p=p, q=q, peer=name, kronfit=ours, seconds=seconds,
                                     ratio=ours / seconds, difference=agree))
    if args.out:
        with open(args.out, "w") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
