OPENQASM 3.0;
include "stdgates.inc";
gate mine(b, a) v, w { rx(a) v; ctrl @ U(b, a, 0.3) v, w; inv @ t w; gphase(a*b); h v; pow(2) @ sx w; }
qubit[4] q;
ry(0.3) q[0];
ry(0.7) q[1];
ry(1.1) q[2];
ry(1.5000000000000002) q[3];
ctrl @ pow(-2) @ inv @ crx(2.164) q[0], q[3], q[1];
ctrl @ inv @ cswap q[0], q[1], q[3], q[2];
inv @ inv @ rx(-0.437) q[0];
ctrl @ p(1.311) q[1], q[0];
 rx(-2.957) q[0];
ctrl @ ctrl @ t q[1], q[2], q[0];
ctrl @ cswap q[2], q[0], q[1], q[3];
ctrl @ inv @ u1(2.219) q[3], q[2];
