OPENQASM 3.0;
include "stdgates.inc";
gate mine(b, a) v, w { rx(a) v; ctrl @ U(b, a, 0.3) v, w; inv @ t w; gphase(a*b); h v; pow(2) @ sx w; }
qubit[4] q;
ry(0.3) q[0];
ry(0.7) q[1];
ry(1.1) q[2];
ry(1.5000000000000002) q[3];
pow(3) @ pow(-1) @ pow(2) @ cswap q[3], q[1], q[2];
negctrl @ ctrl @ cy q[0], q[1], q[3], q[2];
negctrl @ ccx q[3], q[0], q[1], q[2];
 sdg q[3];
ctrl @ pow(0) @ negctrl @ cp(-0.099) q[1], q[0], q[3], q[2];
ctrl @ cswap q[1], q[3], q[0], q[2];
ctrl @ U(1.825, -1.796, 0.419) q[3], q[0];
inv @ pow(1.5) @ phase(2.947) q[3];
