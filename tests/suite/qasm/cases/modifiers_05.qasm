OPENQASM 3.0;
include "stdgates.inc";
gate mine(b, a) v, w { rx(a) v; ctrl @ U(b, a, 0.3) v, w; inv @ t w; gphase(a*b); h v; pow(2) @ sx w; }
qubit[4] q;
ry(0.3) q[0];
ry(0.7) q[1];
ry(1.1) q[2];
ry(1.5000000000000002) q[3];
inv @ inv @ pow(-0.25) @ gphase(1.818) ;
 U(1.472, -1.969, -1.201) q[3];
pow(-2) @ ctrl @ inv @ y q[3], q[0];
 rz(-1.675) q[0];
ctrl @ sdg q[1], q[0];
pow(0) @ U(0.772, 2.175, -2.7) q[3];
inv @ ctrl @ y q[0], q[3];
 y q[0];
