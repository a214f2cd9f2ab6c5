import cProfile, pstats, time
from analytics_pipeline_tests.orchestration.conftest import *
from datetime import date
def test_p(start_pipeline, vocareum):
    pipeline = start_pipeline("2016-01-01")
    days = [f"{date(2016, 1, 1) + timedelta(days=n)}" for n in range(3_667)]
    vocareum.put_many({f"org9001/lab_sessions/lab_sessions_{d}.csv": b"x" for d in days})
    for d in days[:1500]:
        pipeline.instance.report_runless_asset_event(dg.AssetMaterialization(["raw","lab_sessions"], partition=d, metadata={"key":"k","etag":"e","bytes":1}))
    pipeline.settings.data_dir.mkdir(); pipeline.settings.warehouse_path.touch()
    pipeline.tick()
    t=time.process_time(); pipeline.tick(); print('cpu', time.process_time()-t)
    p=cProfile.Profile(time.thread_time); p.enable()
    pipeline.tick()
    p.disable(); s=pstats.Stats(p); s.sort_stats('cumtime').print_stats(55)
