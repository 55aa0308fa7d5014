OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
bit[3] c;
p(-0.762) q[2];
cx q[1], q[2];
x q[1];
ry(-2.42) q[1];
p(-1.839) q[1];
h q[0];
if (c == 3) { c[2] = measure q[2]; } else { ry(-0.048) q[0]; ry(-1.445) q[1]; }
if (c == 6) { cx q[1], q[0]; } else { c[2] = measure q[0]; if (c[1]) { h q[0]; } }
p(-0.567) q[1];
