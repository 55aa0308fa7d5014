OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
bit[1] c;
ry(1.824) q[1];
cx q[1], q[0];
ry(2.334) q[0];
c[0] = measure q[0];
if (!(((c[0]) || (c != 1)))) { ry(0.092) q[0]; cx q[0], q[1]; } else { measure q[1] -> c[0]; p(1.054) q[0]; }
p(-0.619) q[0];
if (c[0]) { h q[1]; p(2.29) q[1]; }
ry(-1.366) q[1];
cx q[1], q[0];
