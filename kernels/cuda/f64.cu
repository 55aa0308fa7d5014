#define REAL double
#include "dialect.h"
#include "../common/abi.h"
#include "../common/maths.h"
#include "../common/sweep.h"
#include "../common/readout.h"
#include "../common/chain.h"
#include "../common/circuit.h"
#include "entries.h"
