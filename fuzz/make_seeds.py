"""Write small valid files of every kind as seeds: seeds/npy, seeds/npz, seeds/csv."""

import gzip
from pathlib import Path

import numpy as np

here = Path(__file__).parent / "seeds"
for kind in ("npy", "npz", "csv"):
    (here / kind).mkdir(parents=True, exist_ok=True)

x = np.arange(12).reshape(2, 3, 2)
for code in ("<f8", ">f8", "<f4", ">f4", "|i1", "<i2", ">i4", "<i8", "|u1", ">u2", "<u4", ">u8", "|b1"):
    name = code.replace("<", "le-").replace(">", "be-").replace("|", "")
    np.save(here / "npy" / f"{name}.npy", x.astype(code))
np.save(here / "npy" / "fortran.npy", np.asfortranarray(x, dtype=float))
np.save(here / "npy" / "complex.npy", x.astype(complex))
np.save(here / "npy" / "record.npy", np.zeros((1, 1, 1), dtype=[("a", "<f8")]))

rows, cols = np.array(["r1", "ä", "漢"]), np.array([b"a", b"bc"])
np.savez(here / "npz" / "stored.npz", x=x.astype(float), row_names=rows, col_names=cols)
np.savez_compressed(here / "npz" / "deflated.npz", x=x, row_names=rows, col_names=cols)
np.savez_compressed(here / "npz" / "zeros.npz", y=np.zeros((30, 30, 30)), x=x)
np.savez(here / "npz" / "years.npz", m=np.eye(2), x=x, row_names=np.array([1999, 2000, 2001]))

lines = [f"{i},r{j},c{k},{x[i, j, k]}" for i in range(2) for j in range(3) for k in range(2)]
(here / "csv" / "long.csv").write_text("\n".join(["sample,row,col,value", *lines]) + "\n")
(here / "csv" / "crlf.csv").write_bytes(
    b'\xef\xbb\xbfvalue,"col",row,sample,note\r\n1e-3,"a,\n""b""",1990,2,x\r\n-2,"a,\n""b""",1989,2,\r\n'
)
(here / "csv" / "matrix.csv").write_text("1,2.5,-3\n4e2,5,6\n")
(here / "csv" / "header.csv").write_text("a,b,c\n1,2.5,-3\n")

# The same table as other programs write it: separators, decimal commas, encodings, packing, gaps.
table = "\n".join(["sample,row,col,value", *lines]) + "\n"
(here / "csv" / "semicolon.csv").write_text(table.replace(",", ";").replace(";1\n", ";1,0\n"))
(here / "csv" / "sep.csv").write_text("sep=;\r\n" + table.replace(",", ";"))
(here / "csv" / "tab.csv").write_text(table.replace(",", "\t"))
(here / "csv" / "utf16le.csv").write_bytes(b"\xff\xfe" + table.encode("utf-16-le"))
(here / "csv" / "utf16be.csv").write_bytes(b"\xfe\xff" + table.encode("utf-16-be"))
(here / "csv" / "packed.csv").write_bytes(gzip.compress(table.encode(), mtime=0))
(here / "csv" / "gaps.csv").write_text(table.replace(",7\n", ",NA\n").replace(",8\n", ",\n"))
dates = table.replace(",r0,", ",2024-01-31,").replace(",r1,", ",2024-W05-4T12:30+02:00,")
(here / "csv" / "dates.csv").write_text(dates.replace(",r2,", ",2023-12-31 23:59:59.5Z,"))
(here / "csv" / "wide.csv").write_text("sample,row,a,b\n1,r,1,2\n1,s,3,\n2,r,5,6\n")
(here / "csv" / "named.csv").write_text('"","a","b"\n"a",1,0.5\n"b",0.5,2\n')
(here / "csv" / "short.csv").write_text('"a" "b"\n"a" 1 0.5\n"b" 0.5 2\n')
(here / "csv" / "escapes.csv").write_bytes(
    b'sample,row,col,value\n0,"\x1b[31mred","\xe2\x80\xaeabc",1\n0,"a\nb","\xe2\x80\xaeabc",2\n'
)
gap = x.astype(float)
gap[1, 1, 0] = np.nan
np.savez(here / "npz" / "gap.npz", x=gap, y=x, sample_names=np.array(["s1", "s2"]))
