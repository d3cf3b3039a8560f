//! Long work beside the interpreter: the GIL is free, signals are seen, callbacks are called.

use crate::errors::exception;
use kronfit::estimate::{Observer, Step};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long Ctrl-C may have to wait.
const PATIENCE: Duration = Duration::from_millis(50);

/// The main thread's stack elsewhere, too.
const STACK: usize = 8 << 20;

/// Who may stop the work, and what went wrong in a callback.
#[derive(Clone, Default)]
pub struct Stop {
    flag: Arc<AtomicBool>,
    error: Arc<Mutex<Option<PyErr>>>,
}

impl Stop {
    /// Is the work no longer wanted?
    pub fn is_set(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
    }

    /// The flag itself.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.flag.clone()
    }

    /// Keeps the exception that ends the work.
    pub fn fail(&self, error: PyErr) {
        self.flag.store(true, Ordering::SeqCst);
        if let Ok(mut slot) = self.error.lock() {
            slot.get_or_insert(error);
        }
    }

    fn take(&self) -> Option<PyErr> {
        self.error.lock().ok().and_then(|mut slot| slot.take())
    }

    /// Calls a callback with a number; `false` when it said so or failed.
    pub fn tell(&self, callback: Option<&Py<PyAny>>, done: usize) -> bool {
        let Some(callback) = callback.filter(|_| !self.is_set()) else { return !self.is_set() };
        Python::attach(|py| self.heard(py, callback.call1(py, (done,))))
    }

    /// What a callback's answer means: only `False` stops.
    fn heard(&self, py: Python<'_>, answer: PyResult<Py<PyAny>>) -> bool {
        match answer {
            Ok(answer) => !answer.bind(py).cast::<PyBool>().is_ok_and(|b| !b.is_true()),
            Err(error) => {
                self.fail(error);
                false
            }
        }
    }
}

/// Does the work on a thread of its own, so that Ctrl-C is heard within [`PATIENCE`] whatever the
/// work is at; it is then left to end by itself, and its result forgotten.
pub fn aside<T: Send + 'static>(
    py: Python<'_>,
    stop: &Stop,
    work: impl FnOnce() -> kronfit::Result<T> + Send + 'static,
) -> PyResult<T> {
    let (send, mut receive) = mpsc::channel();
    std::thread::Builder::new()
        .name("kronfit".to_owned())
        .stack_size(STACK)
        .spawn(move || drop(send.send(work())))
        .map_err(|e| PyRuntimeError::new_err(format!("no thread could be started ({e})")))?;
    loop {
        let (heard, back) = py.detach(move || (receive.recv_timeout(PATIENCE), receive));
        receive = back;
        match heard {
            Ok(result) => return finished(stop, result),
            Err(RecvTimeoutError::Timeout) => py.check_signals().inspect_err(|_| {
                stop.flag.store(true, Ordering::SeqCst);
            })?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(PyRuntimeError::new_err("the computation ended by a fault in kronfit"));
            }
        }
    }
}

/// Does short work on this thread.
pub fn here<T: Send>(
    py: Python<'_>,
    stop: &Stop,
    work: impl FnOnce() -> kronfit::Result<T> + Send,
) -> PyResult<T> {
    let result = py.detach(work);
    finished(stop, result)
}

fn finished<T>(stop: &Stop, result: kronfit::Result<T>) -> PyResult<T> {
    match stop.take() {
        Some(error) => Err(error),
        None => result.map_err(exception),
    }
}

/// Watches a fit: the callback sees every step; signals are looked at where nobody else does.
pub struct Watch {
    /// Who may stop.
    pub stop: Stop,
    /// Called with a dict per step; `False` stops the fit where it is.
    pub callback: Option<Py<PyAny>>,
    /// When signals were looked at; `None` where the caller's thread does.
    pub signals: Option<Instant>,
}

impl Observer for Watch {
    fn step(&mut self, step: &Step) -> bool {
        if self.stop.is_set() {
            return false;
        }
        if self.signals.is_some_and(|last| last.elapsed() > PATIENCE) {
            self.signals = Some(Instant::now());
            if let Err(error) = Python::attach(|py| py.check_signals()) {
                self.stop.fail(error);
                return false;
            }
        }
        let Some(callback) = &self.callback else { return true };
        Python::attach(|py| {
            let answer = step_dict(py, step).and_then(|step| callback.call1(py, (step,)));
            self.stop.heard(py, answer)
        })
    }
}

fn step_dict<'py>(py: Python<'py>, step: &Step) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("iteration", step.iteration)?;
    dict.set_item("passes", step.passes)?;
    dict.set_item("seconds", step.seconds)?;
    dict.set_item("log_likelihood", step.log_likelihood)?;
    dict.set_item("score", step.score)?;
    dict.set_item("dof", step.dof)?;
    Ok(dict)
}
