import asyncio, json, os, subprocess, sys, threading, time
import psutil
from django.db import connection, connections
from websockets.asyncio.client import connect
from tests.live.world import say
from tests.support.waiting import free_port, wait_until
import urllib.request

def run_bench(world, watchers, seconds, options=(), pool="true"):
    lease = world.begin()
    token = world.token(world.viewer)
    port = free_port()
    p = connection.settings_dict
    url = f"postgresql://{p['USER']}:{p['PASSWORD']}@{p['HOST']}:{p['PORT']}/{p['NAME']}"
    env = {**os.environ, "DATABASE_URL": url, "BUILDHUB_DATABASE_POOL": pool}
    web = subprocess.Popen([sys.executable, "-m", "uvicorn", "buildhub.asgi:application", "--port", str(port), "--log-level", "warning", "--lifespan", "off", "--timeout-graceful-shutdown", "3", *options], env=env)
    def up():
        import socket
        try: socket.create_connection(("127.0.0.1", port)).close(); return True
        except OSError: return False
    wait_until(up, timeout=30)
    proc = psutil.Process(web.pid)
    stop = threading.Event(); sent = [0]
    def printer():
        while not stop.is_set():
            say(lease, *[f"{time.time():.6f} padding padding padding" for _ in range(10)]); sent[0] += 10
            time.sleep(0.05)
        connections.close_all()
    lat = []; counts = []
    async def client(go):
        n = 0
        async with connect(f"ws://127.0.0.1:{port}/ws/runs/{lease.run_id}", subprotocols=[f"bearer.{token}"], compression="deflate", proxy=None, open_timeout=60) as ws:
            go.release()
            try:
                async for m in ws:
                    f = json.loads(m)
                    if f["type"] == "lines":
                        now = time.time()
                        for line in f["lines"]:
                            n += 1; assert line["n"] == n
                            lat.append(now - float(line["text"].split()[0]))
            except Exception as e:
                pass
            counts.append(n)
    async def main():
        go = asyncio.Semaphore(0)
        t0=time.time()
        tasks = [asyncio.create_task(client(go)) for _ in range(watchers)]
        for _ in range(watchers): await go.acquire()
        t_conn=time.time()-t0
        th = threading.Thread(target=printer); 
        c0 = sum(proc.cpu_times()[:2]); t0 = time.time()
        th.start()
        await asyncio.sleep(seconds)
        c1 = sum(proc.cpu_times()[:2]); t1 = time.time()
        stop.set(); await asyncio.to_thread(th.join)
        await asyncio.sleep(1)
        rss = proc.memory_info().rss >> 20
        web.terminate(); ts = time.time(); await asyncio.to_thread(web.wait); te = time.time()
        await asyncio.gather(*tasks)
        lat.sort()
        print(f"\n{watchers} watchers {options} pool={pool}: connect {t_conn:.2f}s p50 {lat[len(lat)//2]*1000:.0f} p95 {lat[int(len(lat)*.95)]*1000:.0f} ms cpu {(c1-c0)/(t1-t0)*100:.0f}% rss {rss} sigterm {te-ts:.2f}s rc {web.returncode} lines {sent[0]} min/max received {min(counts)}/{max(counts)}")
    asyncio.run(main())

import pytest
@pytest.mark.parametrize("watchers,options,pool", [(1, (), "true"), (200, (), "true"), (200, ("--ws-per-message-deflate","false"), "true"), (200, ("--ws-per-message-deflate","false"), "false")])
def test_bench(world, watchers, options, pool):
    run_bench(world, watchers, 8, options, pool)
