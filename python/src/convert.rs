//! Records of the library as plain Python values.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use serde::Serialize;
use serde_json::Value;

/// Dicts, lists, numbers and strings; numbers that are not finite become `None`.
pub fn to_python(py: Python<'_>, record: &impl Serialize) -> PyResult<Py<PyAny>> {
    let value = serde_json::to_value(record).map_err(|e| PyValueError::new_err(e.to_string()))?;
    of_value(py, &value)
}

fn of_value(py: Python<'_>, value: &Value) -> PyResult<Py<PyAny>> {
    Ok(match value {
        Value::Null => py.None(),
        Value::Bool(x) => x.into_pyobject(py)?.to_owned().into_any().unbind(),
        Value::Number(x) => match x.as_u64() {
            Some(whole) => whole.into_pyobject(py)?.into_any().unbind(),
            None => x.as_f64().into_pyobject(py)?.into_any().unbind(),
        },
        Value::String(x) => x.into_pyobject(py)?.into_any().unbind(),
        Value::Array(list) => {
            let items = list.iter().map(|x| of_value(py, x)).collect::<PyResult<Vec<_>>>()?;
            PyList::new(py, items)?.into_any().unbind()
        }
        Value::Object(map) => {
            let dict = PyDict::new(py);
            for (key, x) in map {
                dict.set_item(key, of_value(py, x)?)?;
            }
            dict.into_any().unbind()
        }
    })
}
