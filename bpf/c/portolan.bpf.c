/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The kernel programs of Portolan: one object, see each header for what it does. */
#include "kernel.h"
#include "abi.h"
#include "maps.h"
#include "owner.h"
#include "processes.h"
#include "quick.h"
#include "flows.h"
#include "peers.h"
#include "call.h"
#include "said.h"
#include "sockets.h"
#include "accounting.h"
#include "older.h"
#include "hooks.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";
