-- A small SQLite database as the code of commit d825aef made it, before migration 0007: a finished
-- run, a run that went by batches, a paused run with open work and calls presumed spent, a data set
-- made of the first, an API key, a job that has trained and one that was handed back in the middle.
--
-- Made with that commit checked out, by this script and Python's sqlite3 iterdump():
--     PYTHONPATH=. python make_old_database.py FOLDER 5 5
-- The last two numbers say when the run stops; how far it is then differs from time to time.
--
--     import sys
--     from contextlib import closing
--     from pathlib import Path
--
--     from app.llm.scripted_batch import BatchPlan
--     from app.llm.scripted_model import reply
--     from app.services import api_keys, dataset_making, datasets, runs, training, training_jobs
--     from app.services.api_keys import Scope
--     from app.services.datasets import DatasetRequest
--     from app.services.recipes import VersionRecipe
--     from app.services.training_requests import TrainingRequest
--     from app.store.database import Database
--     from app.store.migrate import migrate
--     from app.training.options import TrainingOptions
--     from tests.integration.batch_runs import PRICES, always, settle
--     from tests.integration.conftest import after_looks, bench_of
--     from tests.integration.scripted_trainer import ScriptedTrainer
--
--     folder = Path(sys.argv[1])
--     RUN = {"target": 8, "random_seed": 4}
--     database = Database(f"sqlite:///{folder / 'old.db'}")
--     migrate(database)
--     with closing(database):
--         key = api_keys.create_key(database, "ci", {Scope.READ, Scope.RUN})
--         with bench_of(
--             database, reply, batches=always(BatchPlan()), prices=PRICES, files_dir=folder / "d" / "files"
--         ) as bench:
--             finished = bench.start(**RUN)
--             bench.work(finished)
--             batched = bench.start(**{**RUN, "random_seed": 5, "target": 4}, batch="later_stages")
--             settle(bench, batched)
--             paused = bench.start(**RUN)
--             bench.work(paused, after_looks(int(sys.argv[2])))
--             bench.work(paused, after_looks(int(sys.argv[3])))
--             runs.pause_run(bench.workshop, paused)
--             recipe = VersionRecipe.model_validate({"sources": [{"run_id": finished}]})
--             dataset, _ = datasets.create_dataset(bench.workshop, DatasetRequest("grown", recipe))
--             dataset_making.make_dataset(bench.workshop, dataset.id, lambda: False)
--             request = TrainingRequest(dataset.id, TrainingOptions(base_model="tiny"))
--             trained = training_jobs.create_job(bench.workshop, request, "key-of-a-request")
--             training.work_on_job(bench.workshop, trained.id, lambda: False, ScriptedTrainer())
--             waiting = training_jobs.create_job(bench.workshop, request, None)
--             training.work_on_job(bench.workshop, waiting.id, after_looks(3), ScriptedTrainer())
--             for run_id in (finished, batched, paused):
--                 v = bench.view(run_id)
--                 print(run_id, v.run.status, v.run.accepted, v.run.tickets_issued, v.run.written_off_calls, v.stages if hasattr(v, "stages") else "")
--             print("key", key.key)

BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0006');
CREATE TABLE api_keys (
	id VARCHAR(40) NOT NULL, 
	name TEXT NOT NULL, 
	key_sha256 VARCHAR(64) NOT NULL, 
	scopes JSON NOT NULL, 
	created_at FLOAT DEFAULT ((julianday('now') - 2440587.5) * 86400.0) NOT NULL, 
	last_used_at FLOAT, 
	revoked_at FLOAT, 
	CONSTRAINT pk_api_keys PRIMARY KEY (id), 
	CONSTRAINT uq_api_keys_key_sha256 UNIQUE (key_sha256)
);
INSERT INTO "api_keys" VALUES('key_01a22d3479679fe293b53c','ci','6fffc032eab01fa18d6736f72f357ac66873f439e170a657a2da04a6894f1c21','["read", "run"]',1.79605474345400786392e+09,NULL,NULL);
CREATE TABLE batches (
	id VARCHAR(40) NOT NULL, 
	run_id VARCHAR(40) NOT NULL, 
	stage VARCHAR(20) NOT NULL, 
	endpoint VARCHAR(60) NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	provider_id TEXT, 
	provider_said TEXT, 
	may_exist BOOLEAN DEFAULT 0 NOT NULL, 
	requests INTEGER NOT NULL, 
	completed INTEGER DEFAULT 0 NOT NULL, 
	length_name VARCHAR(30), 
	trouble TEXT, 
	failing_since FLOAT, 
	cancelled_at FLOAT, 
	token VARCHAR(40), 
	poll_at FLOAT, 
	created_at FLOAT DEFAULT ((julianday('now') - 2440587.5) * 86400.0) NOT NULL, 
	submitted_at FLOAT, 
	ended_at FLOAT, 
	closed_at FLOAT, 
	CONSTRAINT pk_batches PRIMARY KEY (id), 
	CONSTRAINT fk_batches_run_id FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "batches" VALUES('batch_01a22d3484a9e322707efe','run_01a22d34821be18713f92a','classify','default','collected','batch_1','completed',1,4,4,NULL,NULL,NULL,NULL,NULL,NULL,1.79605474628199481964e+09,1.79605474678100633621e+09,1.79605474718100428582e+09,1.79605474736800789828e+09);
INSERT INTO "batches" VALUES('batch_01a22d3489af0b1f998b93','run_01a22d34821be18713f92a','instantiate','default','collected','batch_2','completed',1,4,4,NULL,NULL,NULL,NULL,NULL,NULL,1.79605474757899045944e+09,1.79605474801700854296e+09,1.79605474839000988003e+09,1.79605474857801938057e+09);
CREATE TABLE "completions" (
	id INTEGER NOT NULL, 
	run_id VARCHAR(40) NOT NULL, 
	work_item_id BIGINT, 
	stage VARCHAR(20) NOT NULL, 
	prompt_version TEXT NOT NULL, 
	prompt_text_sha256 VARCHAR(64) NOT NULL, 
	prompt TEXT NOT NULL, 
	demonstrations JSON NOT NULL, 
	parameters JSON NOT NULL, 
	model TEXT NOT NULL, 
	reply TEXT NOT NULL, 
	finish_reason VARCHAR(40) NOT NULL, 
	top_logprobs JSON, 
	prompt_tokens INTEGER NOT NULL, 
	completion_tokens INTEGER NOT NULL, 
	cost_usd BIGINT, 
	latency_s DOUBLE NOT NULL, 
	created_at FLOAT DEFAULT ((julianday('now') - 2440587.5) * 86400.0) NOT NULL, 
	call VARCHAR(60), 
	request_sha256 VARCHAR(64), 
	reused_from BIGINT, 
	endpoint VARCHAR(60), 
	reply_id VARCHAR(200), 
	is_spare BOOLEAN DEFAULT 0 NOT NULL, batch_id VARCHAR(40), 
	CONSTRAINT pk_completions PRIMARY KEY (id), 
	CONSTRAINT fk_completions_prompt_text_sha256 FOREIGN KEY(prompt_text_sha256) REFERENCES prompt_texts (sha256), 
	CONSTRAINT fk_completions_run_id FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "completions" VALUES(1,'run_01a22d347a3381aa523dfe',NULL,'preflight','preflight@1','4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945','Is a stone heavier than a feather?','[]','{"temperature": 1.0, "top_p": 1.0, "max_tokens": 1, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 5, "seed": null}','scripted','Yes','stop','{"Yes": -0.4740769841801067, "No": -0.9740769841801067}',7,1,5500000,1.37761785999828134663e-01,1.796054744132982254e+09,'664fce818009eaba.preflight.0',NULL,NULL,'default','scripted-1',0,NULL);
INSERT INTO "completions" VALUES(2,'run_01a22d347a3381aa523dfe',NULL,'preflight','preflight@1','4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945','Is a stone heavier than a feather?','[]','{"temperature": 1.0, "top_p": 1.0, "max_tokens": 512, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"verdict": "yes"}','stop','null',7,2,7500000,4.3645410000408446649e-02,1.796054744132982254e+09,'664fce818009eaba.preflight.1',NULL,NULL,'default','scripted-2',0,NULL);
INSERT INTO "completions" VALUES(3,'run_01a22d347a3381aa523dfe',1,'calibrate','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: N/A','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -0.9740769841801067, "No": -0.4740769841801067}',494,1,249000000,2.05077729997356072999e-02,1.79605474451700735088e+09,'664fce818009eaba.1','80d6be9f60e1c3210a619af70871f0ca352fcbf40a93fb75e4fcf8290484482a',NULL,'default','scripted-3',0,NULL);
INSERT INTO "completions" VALUES(4,'run_01a22d347a3381aa523dfe',2,'calibrate','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: [MASK]','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -0.9740769841801067, "No": -0.4740769841801067}',494,1,249000000,2.04145030002109706401e-02,1.79605474456001663213e+09,'664fce818009eaba.2','eb91218bbd6ffac1a27d021801b0863b4d413657465ee62b397e0331fbc87449',NULL,'default','scripted-4',0,NULL);
INSERT INTO "completions" VALUES(5,'run_01a22d347a3381aa523dfe',3,'calibrate','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: ...','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -0.9740769841801067, "No": -0.4740769841801067}',494,1,249000000,3.54392340000231342855e-02,1.79605474459300780299e+09,'664fce818009eaba.3','1f3d5d4a3eb04954c21418bede489630d82a5f5dbf7767ebfd04134531a902b2',NULL,'default','scripted-5',0,NULL);
INSERT INTO "completions" VALUES(6,'run_01a22d347a3381aa523dfe',4,'generate','default/generate@5b96872a1524','47f6582c8e9edde5c10c8669892e0d217149ba4121afd6c90ea961d5a366aecb','Some tasks of the collection:
1. Say whether a given animal is a mammal, a bird or a fish.
2. Convert a recipe from cups and spoons into grams.
3. Give three reasons to learn a second language late in life.
4. Describe an afternoon on a harbour wall from a gull''s point of view.
5. What happens to a candle in a sealed jar, and why?
6. Turn the list of ingredients into a shopping list by shelf.
7. Point out the weakest step in an argument about tides.
8. Work out how long a train takes for two hundred kilometres.

Write 8 new tasks. Answer with a JSON object whose "instructions" is the list of them.','[{"origin": "seed", "position": 0}, {"origin": "seed", "position": 9}, {"origin": "seed", "position": 3}, {"origin": "seed", "position": 8}, {"origin": "seed", "position": 5}, {"origin": "seed", "position": 4}, {"origin": "seed", "position": 6}, {"origin": "seed", "position": 1}]','{"temperature": 1.0, "top_p": 0.95, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instructions": ["List the etiquette of ancient cheese, noisy lighthouses and borrowed stained glass for a local newspaper.", "Name the tools of wooden lentil soup, rival mountain huts and borrowed herb gardens in exactly two sentences.", "Decide whether a remark overheard on a train about modern speeches, enormous oyster beds and striped ferry crossings is urgent or routine.", "Draft a glossary of painted ferry crossings, reluctant hedgerows and enormous speeches for a local newspaper.", "Correct the tools of enormous garden sheds, wooden swallows and royal tram lines for a visitor from abroad.", "Summarise the rules of modern crosswords, fragrant typewriters and foreign titrations for a sceptical engineer.", "Plan the colours of silent night trains, clumsy toll roads and early letters without using the letter z.", "Explain the secrets of imported mushrooms, northern lullabies and vanishing beehives and give one example of it."]}','stop','null',269,141,416500000,3.53650729998662427533e-02,1.79605474464498901369e+09,'664fce818009eaba.4',NULL,NULL,'default','scripted-6',0,NULL);
INSERT INTO "completions" VALUES(7,'run_01a22d347a3381aa523dfe',5,'generate','default/generate@5b96872a1524','47f6582c8e9edde5c10c8669892e0d217149ba4121afd6c90ea961d5a366aecb','Some tasks of the collection:
1. Describe an afternoon on a harbour wall from a gull''s point of view.
2. Convert a recipe from cups and spoons into grams.
3. Point out the weakest step in an argument about tides.
4. Work out how long a train takes for two hundred kilometres.
5. Give three reasons to learn a second language late in life.
6. Turn the list of ingredients into a shopping list by shelf.
7. Invent a name and a slogan for a shop that mends kettles.
8. Write a limerick that begins in a bakery.

Write 8 new tasks. Answer with a JSON object whose "instructions" is the list of them.','[{"origin": "seed", "position": 8}, {"origin": "seed", "position": 9}, {"origin": "seed", "position": 6}, {"origin": "seed", "position": 1}, {"origin": "seed", "position": 3}, {"origin": "seed", "position": 4}, {"origin": "seed", "position": 7}, {"origin": "seed", "position": 2}]','{"temperature": 1.0, "top_p": 0.95, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instructions": ["Decide whether a message to a landlord about vanishing village fairs, handmade barometers and costly thunderstorms is singular or plural.", "Weigh a song in praise of costly sundials, costly ice houses and royal letters for a sceptical engineer.", "Write a limerick that begins in a bakery now.", "Decide whether a sentence in a travel guide about hollow rented rooms, secret ferry crossings and weathered snow ploughs is formal or casual.", "Justify the future of vanishing chess clubs, costly fish markets and rival garden sheds and give one example of it.", "Weigh a rumour about coastal candles, crooked door locks and forgotten otters for somebody new to the subject.", "Compose the language of imported letters, illegal cobblers and borrowed letters so that a tired reader enjoys it.", "Criticise a museum of costly shoe polish, striped rope bridges and miniature vineyards and end with a question."]}','stop','null',265,145,422500000,3.22941710001032333821e-02,1.79605474473800802229e+09,'664fce818009eaba.5',NULL,NULL,'default','scripted-7',0,NULL);
INSERT INTO "completions" VALUES(8,'run_01a22d347a3381aa523dfe',6,'classify','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: List the etiquette of ancient cheese, noisy lighthouses and borrowed stained glass for a local newspaper.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -2.738910949791763, "No": -0.06682455136590182}',509,1,256500000,1.05995880003320053219e-02,1.79605474482599782948e+09,'664fce818009eaba.6','59f7308413f13c8d49262011bdf12d7fc9b253e38930608edc593adf8cdb2774',NULL,'default','scripted-8',0,NULL);
INSERT INTO "completions" VALUES(9,'run_01a22d347a3381aa523dfe',7,'classify','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: Name the tools of wooden lentil soup, rival mountain huts and borrowed herb gardens in exactly two sentences.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -2.9818344725499046, "No": -0.052030135493030816}',511,1,257500000,1.89899399993009865283e-03,1.79605474490799307818e+09,'664fce818009eaba.7','1c060c10d132d0edc0c48e2350ed5e940704b015f4b0b46de639b3e99e2080b7',NULL,'default','scripted-9',0,NULL);
INSERT INTO "completions" VALUES(10,'run_01a22d347a3381aa523dfe',8,'classify','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: Decide whether a remark overheard on a train about modern speeches, enormous oyster beds and striped ferry crossings is urgent or routine.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','Yes','stop','{"Yes": -0.0365557357339198, "No": -3.3271393650850825}',515,1,259500000,3.10100949996012786868e-02,1.79605474490799307818e+09,'664fce818009eaba.8','ac6c37d29060a86ecef0605c15fb2a58c042ae2cfbcd6c7e1c3111ee849d687c',NULL,'default','scripted-10',0,NULL);
INSERT INTO "completions" VALUES(11,'run_01a22d347a3381aa523dfe',9,'classify','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: Draft a glossary of painted ferry crossings, reluctant hedgerows and enormous speeches for a local newspaper.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -2.597078047940898, "No": -0.0774113354821937}',509,1,256500000,2.41573989997050375677e-02,1.79605474494500756263e+09,'664fce818009eaba.9','d16f7c8d91b70f176341aa15b9bfc75312957ca66ab13ad63798dba8d76efb5c',NULL,'default','scripted-11',0,NULL);
INSERT INTO "completions" VALUES(12,'run_01a22d347a3381aa523dfe',10,'classify','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: Correct the tools of enormous garden sheds, wooden swallows and royal tram lines for a visitor from abroad.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -2.800310205515368, "No": -0.06271746233495135}',511,1,257500000,0.00799007299974619,1.79605474498998832696e+09,'664fce818009eaba.10','99e4f0d0cb59daaeb85d3666d4bf5e7eaa853b267e81c4707b5c0801d3b840b9',NULL,'default','scripted-12',0,NULL);
INSERT INTO "completions" VALUES(13,'run_01a22d347a3381aa523dfe',11,'classify','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: Summarise the rules of modern crosswords, fragrant typewriters and foreign titrations for a sceptical engineer.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -2.5601735517489694, "No": -0.08044172294029517}',508,1,256000000,3.22981080003046372439e-02,1.79605474498998832696e+09,'664fce818009eaba.11','0cce1ebeafe9f9593b5b74089368fca6a16fab88cf6d9a160a24f46f2a22dc39',NULL,'default','scripted-13',0,NULL);
INSERT INTO "completions" VALUES(14,'run_01a22d347a3381aa523dfe',14,'instantiate','default/input_first@dab67160c708','70a28ae5577b51644174e1882d0a6d3bea685ebe987211d22aa8926842de099d','Task: List the etiquette of ancient cheese, noisy lighthouses and borrowed stained glass for a local newspaper.

Write up to 3 examples.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instances": [{"input": "", "output": "A contract clause about rent, for a sceptical engineer, number 969."}, {"input": "The plot of an invented novel, in the style of a sea captain, number 686.", "output": "The causes of coastal erosion, so that a tired reader enjoys it, number 567."}, {"input": "A proof that the square root of two is irrational, using plain words only, number 346.", "output": "A budget for a village fair, for somebody new to the subject, number 141."}]}','stop','null',781,78,546500000,3.19915300001412106212e-02,1.79605474505999374392e+09,'664fce818009eaba.12','ffd521a25428f69d62124773a0e1bd35db83b24bb729a2b66e66d20911214174',NULL,'default','scripted-14',0,NULL);
INSERT INTO "completions" VALUES(15,'run_01a22d347a3381aa523dfe',12,'classify','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: Plan the colours of silent night trains, clumsy toll roads and early letters without using the letter z.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -2.9954930226647787, "No": -0.05130588812537695}',511,1,257500000,2.82781279997834644746e-02,1.79605474505999374392e+09,'664fce818009eaba.13','9bb820ba087b9f2610104e4ff5ccf21eed65e0a842d9cef896a9fd9449445493',NULL,'default','scripted-15',0,NULL);
INSERT INTO "completions" VALUES(16,'run_01a22d347a3381aa523dfe',13,'classify','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: Explain the secrets of imported mushrooms, northern lullabies and vanishing beehives and give one example of it.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -2.612181148461302, "No": -0.07620560165198276}',510,1,257000000,2.52485969999725057277e-02,1796054745.11801,'664fce818009eaba.14','22ce6799023847d0627c74ad4fc998a6c71ca9d5702a505316d8a1de03e544c1',NULL,'default','scripted-16',0,NULL);
INSERT INTO "completions" VALUES(17,'run_01a22d347a3381aa523dfe',15,'instantiate','default/input_first@dab67160c708','70a28ae5577b51644174e1882d0a6d3bea685ebe987211d22aa8926842de099d','Task: Name the tools of wooden lentil soup, rival mountain huts and borrowed herb gardens in exactly two sentences.

Write up to 3 examples.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instances": [{"input": "", "output": "The steps of a chemical titration, as a numbered set of steps, number 285."}]}','stop','null',783,18,427500000,4.13394799988964223302e-03,1.79605474517498016361e+09,'664fce818009eaba.15','e93628ff0427b8e1eeda06749824397b940ad289d682a43609f8d665e5a8a8cb',NULL,'default','scripted-17',0,NULL);
INSERT INTO "completions" VALUES(18,'run_01a22d347a3381aa523dfe',16,'instantiate','default/output_first@f9d8baceb89c','5d27364403d5ec96d499ef84390afa03105e2a4bd6a92b1883d4c11e5b4cf61c','Task: Decide whether a remark overheard on a train about modern speeches, enormous oyster beds and striped ferry crossings is urgent or routine.

Write up to 3 examples.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instances": [{"output": "urgent", "input": "The history of lighthouses, in no more than forty words, number 92."}, {"output": "routine", "input": "The plot of an invented novel, for a visitor from abroad, number 697."}, {"output": "urgent", "input": "An apology to a neighbour, for somebody new to the subject, number 983."}]}','stop','null',899,48,545500000,4.24507500019899453036e-03,1.79605474519698762891e+09,'664fce818009eaba.16','ab515ba24862fe8f19e7dc18c2f1fa7002dd001f58148f8710a8ad0336eedfb3',NULL,'default','scripted-18',0,NULL);
INSERT INTO "completions" VALUES(19,'run_01a22d347a3381aa523dfe',17,'instantiate','default/input_first@dab67160c708','70a28ae5577b51644174e1882d0a6d3bea685ebe987211d22aa8926842de099d','Task: Draft a glossary of painted ferry crossings, reluctant hedgerows and enormous speeches for a local newspaper.

Write up to 3 examples.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instances": [{"input": "A proof that the square root of two is irrational, for a visitor from abroad, number 421.", "output": "A proof that the square root of two is irrational, in no more than forty words, number 659."}, {"input": "How bees find their way, as a numbered set of steps, number 832.", "output": "The sounds of an early market, and give one example of it, number 219."}, {"input": "A timetable for exam week, in the style of a sea captain, number 170.", "output": "An argument against daylight saving time, using plain words only, number 372."}]}','stop','null',781,95,580500000,2.8292499000144744059e-02,1.79605474523299646384e+09,'664fce818009eaba.17','28c670bde4298db46e7a96c23529dd24ec4b719f4aa4f626c95add6f3aebad60',NULL,'default','scripted-19',0,NULL);
INSERT INTO "completions" VALUES(20,'run_01a22d347a3381aa523dfe',18,'instantiate','default/input_first@dab67160c708','70a28ae5577b51644174e1882d0a6d3bea685ebe987211d22aa8926842de099d','Task: Correct the tools of enormous garden sheds, wooden swallows and royal tram lines for a visitor from abroad.

Write up to 3 examples.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instances": [{"input": "", "output": "The duties of a night porter, with one surprising comparison, number 975."}, {"input": "A speech for a retirement, with one surprising comparison, number 39.", "output": "The rules of table tennis, for a local newspaper, number 312."}, {"input": "A bedtime story about a fox, without using the letter z, number 500.", "output": "A recipe for lentil soup, for somebody new to the subject, number 536."}]}','stop','null',783,68,527500000,1.5954209998199075926e-03,1.7960547452609987259e+09,'664fce818009eaba.18','532089dd38a84fd79e5ede9ce22f2bbac36dc2c367ecd72be03120e94d06ff51',NULL,'default','scripted-20',0,NULL);
INSERT INTO "completions" VALUES(21,'run_01a22d347a3381aa523dfe',19,'instantiate','default/input_first@dab67160c708','70a28ae5577b51644174e1882d0a6d3bea685ebe987211d22aa8926842de099d','Task: Summarise the rules of modern crosswords, fragrant typewriters and foreign titrations for a sceptical engineer.

Write up to 3 examples.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instances": [{"input": "The plot of an invented novel, in exactly two sentences, number 244.", "output": "A speech for a retirement, as if it happened a century ago, number 286."}]}','stop','null',780,29,448000000,9.0621200024543213658e-04,1.79605474530501365657e+09,'664fce818009eaba.19','8e9a1c7d0afc24d51ba511c22255195973371dfb9504dca854aac41406c9f617',NULL,'default','scripted-21',0,NULL);
INSERT INTO "completions" VALUES(22,'run_01a22d347a3381aa523dfe',20,'instantiate','default/input_first@dab67160c708','70a28ae5577b51644174e1882d0a6d3bea685ebe987211d22aa8926842de099d','Task: Plan the colours of silent night trains, clumsy toll roads and early letters without using the letter z.

Write up to 3 examples.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instances": [{"input": "", "output": "The taste of unripe quinces, as a numbered set of steps, number 639."}, {"input": "How to repair a bicycle tyre, so that a tired reader enjoys it, number 356.", "output": "A haiku about fog, in the form of a dialogue, number 359."}]}','stop','null',783,46,483500000,1.71511999997164821252e-03,1.79605474533699893948e+09,'664fce818009eaba.20','3701e7b8e62e88cd41793e7b11fa601f87874d96065f8d15f553c1f29def7890',NULL,'default','scripted-22',0,NULL);
INSERT INTO "completions" VALUES(23,'run_01a22d347a3381aa523dfe',21,'instantiate','default/input_first@dab67160c708','70a28ae5577b51644174e1882d0a6d3bea685ebe987211d22aa8926842de099d','Task: Explain the secrets of imported mushrooms, northern lullabies and vanishing beehives and give one example of it.

Write up to 3 examples.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instances": [{"input": "", "output": "The difference between weather and climate, as a numbered set of steps, number 0."}, {"input": "The steps of a chemical titration, for a sceptical engineer, number 817.", "output": ""}, {"input": "The duties of a night porter, using plain words only, number 87.", "output": "A haiku about fog, in the form of a dialogue, number 884."}]}','stop','null',782,59,509000000,2.33271600000080070458e-02,1.79605474536801862717e+09,'664fce818009eaba.21','8aa6aec9951a5754b60d8b2f6ff08926dd396121d4f281af71f76873aac87faf',NULL,'default','scripted-23',0,NULL);
INSERT INTO "completions" VALUES(24,'run_01a22d34821be18713f92a',NULL,'preflight','preflight@1','4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945','Is a stone heavier than a feather?','[]','{"temperature": 1.0, "top_p": 1.0, "max_tokens": 1, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 5, "seed": null}','scripted','Yes','stop','{"Yes": -0.4740769841801067, "No": -0.9740769841801067}',7,1,5500000,5.46577700015404843725e-03,1.79605474587901973722e+09,'4a47b8bae760f2fa.preflight.0',NULL,NULL,'default','scripted-24',0,NULL);
INSERT INTO "completions" VALUES(25,'run_01a22d34821be18713f92a',NULL,'preflight','preflight@1','4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945','Is a stone heavier than a feather?','[]','{"temperature": 1.0, "top_p": 1.0, "max_tokens": 512, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"verdict": "yes"}','stop','null',7,2,7500000,4.61969370003316726069e-02,1.79605474587901973722e+09,'4a47b8bae760f2fa.preflight.1',NULL,NULL,'default','scripted-25',0,NULL);
INSERT INTO "completions" VALUES(26,'run_01a22d34821be18713f92a',22,'calibrate','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: N/A','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -0.9740769841801067, "No": -0.4740769841801067}',494,1,249000000,2.1791968999878008617e-02,1.79605474610199189185e+09,'4a47b8bae760f2fa.1','80d6be9f60e1c3210a619af70871f0ca352fcbf40a93fb75e4fcf8290484482a',NULL,'default','scripted-26',0,NULL);
INSERT INTO "completions" VALUES(27,'run_01a22d34821be18713f92a',23,'calibrate','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: [MASK]','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -0.9740769841801067, "No": -0.4740769841801067}',494,1,249000000,0.0356867840000632,1.79605474613301157953e+09,'4a47b8bae760f2fa.2','eb91218bbd6ffac1a27d021801b0863b4d413657465ee62b397e0331fbc87449',NULL,'default','scripted-27',0,NULL);
INSERT INTO "completions" VALUES(28,'run_01a22d34821be18713f92a',24,'calibrate','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: ...','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -0.9740769841801067, "No": -0.4740769841801067}',494,1,249000000,3.55117730000529263634e-02,1.79605474616201972958e+09,'4a47b8bae760f2fa.3','1f3d5d4a3eb04954c21418bede489630d82a5f5dbf7767ebfd04134531a902b2',NULL,'default','scripted-28',0,NULL);
INSERT INTO "completions" VALUES(29,'run_01a22d34821be18713f92a',25,'generate','default/generate@5b96872a1524','47f6582c8e9edde5c10c8669892e0d217149ba4121afd6c90ea961d5a366aecb','Some tasks of the collection:
1. Say whether a given animal is a mammal, a bird or a fish.
2. Turn the list of ingredients into a shopping list by shelf.
3. Invent a name and a slogan for a shop that mends kettles.
4. Write a limerick that begins in a bakery.
5. Work out how long a train takes for two hundred kilometres.
6. What happens to a candle in a sealed jar, and why?
7. Give three reasons to learn a second language late in life.
8. Describe an afternoon on a harbour wall from a gull''s point of view.

Write 8 new tasks. Answer with a JSON object whose "instructions" is the list of them.','[{"origin": "seed", "position": 0}, {"origin": "seed", "position": 4}, {"origin": "seed", "position": 7}, {"origin": "seed", "position": 2}, {"origin": "seed", "position": 1}, {"origin": "seed", "position": 5}, {"origin": "seed", "position": 3}, {"origin": "seed", "position": 8}]','{"temperature": 1.0, "top_p": 0.95, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instructions": ["Decide whether a headline in a school paper about forgotten salt mines, vanishing echoes and narrow weather stations is happy or unhappy.", "Estimate the invention of fragrant tram lines, secret buttons and unfinished sheepdogs as a letter to a friend.", "Plan the colours of striped bookbinders, foreign blacksmiths and spare table tennis for a sceptical engineer.", "Predict the invention of modern rain barrels, damp echoes and forgotten village fairs for somebody new to the subject.", "Rewrite a song in praise of handmade shoe polish, weathered drawbridges and weathered greenhouses for a child of seven.", "Justify the daily work of silent bicycle tyres, famous speeches and reluctant rented rooms so that a tired reader enjoys it.", "Justify a lecture on costly echoes, forgotten foxes and vanishing lentil soup for a visitor from abroad.", "Correct the history of lonely milk rounds, hollow glaciers and reluctant blacksmiths for a child of seven."]}','stop','null',270,150,435000000,3.51292320001448388211e-02,1.79605474620901203156e+09,'4a47b8bae760f2fa.4',NULL,NULL,'default','scripted-29',0,NULL);
INSERT INTO "completions" VALUES(30,'run_01a22d34821be18713f92a',26,'classify','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: Decide whether a headline in a school paper about forgotten salt mines, vanishing echoes and narrow weather stations is happy or unhappy.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','Yes','stop','{"Yes": -0.028158302366706408, "No": -3.5839591491013683}',515,1,129750000,0.0,1.79605474734201717374e+09,'batch_01a22d3484a9e322707efe.26','eeca2b699f6ae23a2b74c27c1e90ec53e3eee632c5078e8ba565fa565a0f4c79',NULL,'default','scripted-30',0,'batch_01a22d3484a9e322707efe');
INSERT INTO "completions" VALUES(31,'run_01a22d34821be18713f92a',27,'classify','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: Estimate the invention of fragrant tram lines, secret buttons and unfinished sheepdogs as a letter to a friend.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -2.2924358680773174, "No": -0.10649459214428747}',511,1,128750000,0.0,1.79605474734201717374e+09,'batch_01a22d3484a9e322707efe.27','1f87579e9606ded7e295b088fc2fc04dc62904c670741cca750ae4b36d4e8392',NULL,'default','scripted-31',0,'batch_01a22d3484a9e322707efe');
INSERT INTO "completions" VALUES(32,'run_01a22d34821be18713f92a',28,'classify','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: Plan the colours of striped bookbinders, foreign blacksmiths and spare table tennis for a sceptical engineer.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -2.2251883346204027, "No": -0.11434191429098073}',509,1,128250000,0.0,1.79605474734201717374e+09,'batch_01a22d3484a9e322707efe.28','c6f41735e267dd1246c18a86c48e5ea9b58346588de74022f08500fc4759a775',NULL,'default','scripted-32',0,'batch_01a22d3484a9e322707efe');
INSERT INTO "completions" VALUES(33,'run_01a22d34821be18713f92a',29,'classify','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: Predict the invention of modern rain barrels, damp echoes and forgotten village fairs for somebody new to the subject.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -2.2722741786073666, "No": -0.10878581607414262}',512,1,129000000,0.0,1.79605474734201717374e+09,'batch_01a22d3484a9e322707efe.29','3b6ff7f8bee12736ded16f871858f9595222467202f187094483fff47837ba80',NULL,'default','scripted-33',0,'batch_01a22d3484a9e322707efe');
INSERT INTO "completions" VALUES(34,'run_01a22d34821be18713f92a',30,'instantiate','default/output_first@f9d8baceb89c','5d27364403d5ec96d499ef84390afa03105e2a4bd6a92b1883d4c11e5b4cf61c','Task: Decide whether a headline in a school paper about forgotten salt mines, vanishing echoes and narrow weather stations is happy or unhappy.

Write up to 3 examples.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instances": [{"output": "happy", "input": "A budget for a village fair, with one surprising comparison, number 523."}]}','stop','null',899,16,240750000,0.0,1.79605474854599380489e+09,'batch_01a22d3489af0b1f998b93.30','f7b947d18bebf833c5689c76d33583edf02dfdc78c849a0a4f758b2e0de1f15b',NULL,'default','scripted-34',0,'batch_01a22d3489af0b1f998b93');
INSERT INTO "completions" VALUES(35,'run_01a22d34821be18713f92a',31,'instantiate','default/input_first@dab67160c708','70a28ae5577b51644174e1882d0a6d3bea685ebe987211d22aa8926842de099d','Task: Estimate the invention of fragrant tram lines, secret buttons and unfinished sheepdogs as a letter to a friend.

Write up to 3 examples.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instances": [{"input": "An argument against daylight saving time, as a numbered set of steps, number 684.", "output": "How to repair a bicycle tyre, and end with a question, number 677."}]}','stop','null',783,30,225750000,0.0,1.79605474854599380489e+09,'batch_01a22d3489af0b1f998b93.31','f00845bc400e668199e9a04c81e2af7ff511f329628f26a5cee55c012336f3e2',NULL,'default','scripted-35',0,'batch_01a22d3489af0b1f998b93');
INSERT INTO "completions" VALUES(36,'run_01a22d34821be18713f92a',32,'instantiate','default/input_first@dab67160c708','70a28ae5577b51644174e1882d0a6d3bea685ebe987211d22aa8926842de099d','Task: Plan the colours of striped bookbinders, foreign blacksmiths and spare table tennis for a sceptical engineer.

Write up to 3 examples.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instances": [{"input": "An apology to a neighbour, for a sceptical engineer, number 626.", "output": "The sounds of an early market, for a local newspaper, number 534."}, {"input": "An inventory of a carpenter''s workshop, in the style of a sea captain, number 137.", "output": "A haiku about fog, for somebody new to the subject, number 451."}]}','stop','null',781,55,250250000,0.0,1.79605474854599380489e+09,'batch_01a22d3489af0b1f998b93.32','cfd16cdb959dcba8dcd8d47ab6b63b89a14d020452b5710f23b108b48dbfee51',NULL,'default','scripted-36',0,'batch_01a22d3489af0b1f998b93');
INSERT INTO "completions" VALUES(37,'run_01a22d34821be18713f92a',33,'instantiate','default/input_first@dab67160c708','70a28ae5577b51644174e1882d0a6d3bea685ebe987211d22aa8926842de099d','Task: Predict the invention of modern rain barrels, damp echoes and forgotten village fairs for somebody new to the subject.

Write up to 3 examples.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instances": [{"input": "The sounds of an early market, as a letter to a friend, number 218.", "output": ""}]}','stop','null',784,18,214000000,0.0,1.79605474854599380489e+09,'batch_01a22d3489af0b1f998b93.33','a93f272f781ba234e88197c159c09836419c5d9846ce510bdfb2fe81436cf7be',NULL,'default','scripted-37',0,'batch_01a22d3489af0b1f998b93');
INSERT INTO "completions" VALUES(38,'run_01a22d348ee5383ccafab4',NULL,'preflight','preflight@1','4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945','Is a stone heavier than a feather?','[]','{"temperature": 1.0, "top_p": 1.0, "max_tokens": 1, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 5, "seed": null}','scripted','Yes','stop','{"Yes": -0.4740769841801067, "No": -0.9740769841801067}',7,1,5500000,1.28445380000812292564e-02,1.79605474906701302528e+09,'3514fe9b1c063c13.preflight.0',NULL,NULL,'default','scripted-38',0,NULL);
INSERT INTO "completions" VALUES(39,'run_01a22d348ee5383ccafab4',NULL,'preflight','preflight@1','4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945','Is a stone heavier than a feather?','[]','{"temperature": 1.0, "top_p": 1.0, "max_tokens": 512, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"verdict": "yes"}','stop','null',7,2,7500000,4.21061530000770289916e-02,1.79605474906701302528e+09,'3514fe9b1c063c13.preflight.1',NULL,NULL,'default','scripted-39',0,NULL);
INSERT INTO "completions" VALUES(40,'run_01a22d348ee5383ccafab4',34,'calibrate','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: N/A','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -0.9740769841801067, "No": -0.4740769841801067}',494,1,249000000,3.24344709997603786177e-02,1.79605474931400418284e+09,'3514fe9b1c063c13.1','80d6be9f60e1c3210a619af70871f0ca352fcbf40a93fb75e4fcf8290484482a',NULL,'default','scripted-40',0,NULL);
INSERT INTO "completions" VALUES(41,'run_01a22d348ee5383ccafab4',35,'calibrate','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: [MASK]','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -0.9740769841801067, "No": -0.4740769841801067}',494,1,249000000,1.726947999986805371e-02,1.79605474935299015042e+09,'3514fe9b1c063c13.2','eb91218bbd6ffac1a27d021801b0863b4d413657465ee62b397e0331fbc87449',NULL,'default','scripted-41',0,NULL);
INSERT INTO "completions" VALUES(42,'run_01a22d348ee5383ccafab4',36,'calibrate','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: ...','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -0.9740769841801067, "No": -0.4740769841801067}',494,1,249000000,1.65962759997455577831e-02,1.79605474939201617242e+09,'3514fe9b1c063c13.3','1f3d5d4a3eb04954c21418bede489630d82a5f5dbf7767ebfd04134531a902b2',NULL,'default','scripted-42',0,NULL);
INSERT INTO "completions" VALUES(43,'run_01a22d348ee5383ccafab4',37,'generate','default/generate@5b96872a1524','47f6582c8e9edde5c10c8669892e0d217149ba4121afd6c90ea961d5a366aecb','Some tasks of the collection:
1. Say whether a given animal is a mammal, a bird or a fish.
2. Convert a recipe from cups and spoons into grams.
3. Give three reasons to learn a second language late in life.
4. Describe an afternoon on a harbour wall from a gull''s point of view.
5. What happens to a candle in a sealed jar, and why?
6. Turn the list of ingredients into a shopping list by shelf.
7. Point out the weakest step in an argument about tides.
8. Work out how long a train takes for two hundred kilometres.

Write 8 new tasks. Answer with a JSON object whose "instructions" is the list of them.','[{"origin": "seed", "position": 0}, {"origin": "seed", "position": 9}, {"origin": "seed", "position": 3}, {"origin": "seed", "position": 8}, {"origin": "seed", "position": 5}, {"origin": "seed", "position": 4}, {"origin": "seed", "position": 6}, {"origin": "seed", "position": 1}]','{"temperature": 1.0, "top_p": 0.95, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instructions": ["List the etiquette of ancient cheese, noisy lighthouses and borrowed stained glass for a local newspaper.", "Name the tools of wooden lentil soup, rival mountain huts and borrowed herb gardens in exactly two sentences.", "Decide whether a remark overheard on a train about modern speeches, enormous oyster beds and striped ferry crossings is urgent or routine.", "Draft a glossary of painted ferry crossings, reluctant hedgerows and enormous speeches for a local newspaper.", "Correct the tools of enormous garden sheds, wooden swallows and royal tram lines for a visitor from abroad.", "Summarise the rules of modern crosswords, fragrant typewriters and foreign titrations for a sceptical engineer.", "Plan the colours of silent night trains, clumsy toll roads and early letters without using the letter z.", "Explain the secrets of imported mushrooms, northern lullabies and vanishing beehives and give one example of it."]}','stop','null',269,141,416500000,2.96660400003929680678e-02,1.79605474942899036401e+09,'3514fe9b1c063c13.4',NULL,NULL,'default','scripted-43',0,NULL);
INSERT INTO "completions" VALUES(44,'run_01a22d348ee5383ccafab4',38,'generate','default/generate@5b96872a1524','47f6582c8e9edde5c10c8669892e0d217149ba4121afd6c90ea961d5a366aecb','Some tasks of the collection:
1. Describe an afternoon on a harbour wall from a gull''s point of view.
2. Convert a recipe from cups and spoons into grams.
3. Point out the weakest step in an argument about tides.
4. Work out how long a train takes for two hundred kilometres.
5. Give three reasons to learn a second language late in life.
6. Turn the list of ingredients into a shopping list by shelf.
7. Invent a name and a slogan for a shop that mends kettles.
8. Write a limerick that begins in a bakery.

Write 8 new tasks. Answer with a JSON object whose "instructions" is the list of them.','[{"origin": "seed", "position": 8}, {"origin": "seed", "position": 9}, {"origin": "seed", "position": 6}, {"origin": "seed", "position": 1}, {"origin": "seed", "position": 3}, {"origin": "seed", "position": 4}, {"origin": "seed", "position": 7}, {"origin": "seed", "position": 2}]','{"temperature": 1.0, "top_p": 0.95, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instructions": ["Decide whether a message to a landlord about vanishing village fairs, handmade barometers and costly thunderstorms is singular or plural.", "Weigh a song in praise of costly sundials, costly ice houses and royal letters for a sceptical engineer.", "Write a limerick that begins in a bakery now.", "Decide whether a sentence in a travel guide about hollow rented rooms, secret ferry crossings and weathered snow ploughs is formal or casual.", "Justify the future of vanishing chess clubs, costly fish markets and rival garden sheds and give one example of it.", "Weigh a rumour about coastal candles, crooked door locks and forgotten otters for somebody new to the subject.", "Compose the language of imported letters, illegal cobblers and borrowed letters so that a tired reader enjoys it.", "Criticise a museum of costly shoe polish, striped rope bridges and miniature vineyards and end with a question."]}','stop','null',265,145,422500000,1.88564089999090356286e-02,1.79605474951299715034e+09,'3514fe9b1c063c13.5',NULL,NULL,'default','scripted-44',0,NULL);
INSERT INTO "completions" VALUES(45,'run_01a22d348ee5383ccafab4',39,'classify','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: List the etiquette of ancient cheese, noisy lighthouses and borrowed stained glass for a local newspaper.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -2.738910949791763, "No": -0.06682455136590182}',509,1,256500000,4.53117099959854385815e-03,1.79605474951299715034e+09,'3514fe9b1c063c13.6','59f7308413f13c8d49262011bdf12d7fc9b253e38930608edc593adf8cdb2774',NULL,'default','scripted-45',0,NULL);
INSERT INTO "completions" VALUES(46,'run_01a22d348ee5383ccafab4',40,'classify','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: Name the tools of wooden lentil soup, rival mountain huts and borrowed herb gardens in exactly two sentences.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -2.9818344725499046, "No": -0.052030135493030816}',511,1,257500000,1.37464630001886689569e-02,1.79605474951299715034e+09,'3514fe9b1c063c13.7','1c060c10d132d0edc0c48e2350ed5e940704b015f4b0b46de639b3e99e2080b7',NULL,'default','scripted-46',0,NULL);
INSERT INTO "completions" VALUES(47,'run_01a22d348ee5383ccafab4',47,'instantiate','default/input_first@dab67160c708','70a28ae5577b51644174e1882d0a6d3bea685ebe987211d22aa8926842de099d','Task: List the etiquette of ancient cheese, noisy lighthouses and borrowed stained glass for a local newspaper.

Write up to 3 examples.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instances": [{"input": "", "output": "A contract clause about rent, for a sceptical engineer, number 969."}, {"input": "The plot of an invented novel, in the style of a sea captain, number 686.", "output": "The causes of coastal erosion, so that a tired reader enjoys it, number 567."}, {"input": "A proof that the square root of two is irrational, using plain words only, number 346.", "output": "A budget for a village fair, for somebody new to the subject, number 141."}]}','stop','null',781,78,546500000,1.80018830001245078165e-02,1.79605474983401751515e+09,'5393cbeda269c8f1.1','ffd521a25428f69d62124773a0e1bd35db83b24bb729a2b66e66d20911214174',NULL,'default','scripted-49',0,NULL);
INSERT INTO "completions" VALUES(48,'run_01a22d348ee5383ccafab4',48,'instantiate','default/input_first@dab67160c708','70a28ae5577b51644174e1882d0a6d3bea685ebe987211d22aa8926842de099d','Task: Name the tools of wooden lentil soup, rival mountain huts and borrowed herb gardens in exactly two sentences.

Write up to 3 examples.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instances": [{"input": "", "output": "The steps of a chemical titration, as a numbered set of steps, number 285."}]}','stop','null',783,18,427500000,3.61626339999929768964e-02,1.79605474991400098803e+09,'5393cbeda269c8f1.2','e93628ff0427b8e1eeda06749824397b940ad289d682a43609f8d665e5a8a8cb',NULL,'default','scripted-50',0,NULL);
INSERT INTO "completions" VALUES(49,'run_01a22d348ee5383ccafab4',41,'classify','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: Decide whether a remark overheard on a train about modern speeches, enormous oyster beds and striped ferry crossings is urgent or routine.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','Yes','stop','{"Yes": -0.0365557357339198, "No": -3.3271393650850825}',515,1,259500000,3.57294179998461913783e-02,1.79605474996899962423e+09,'5393cbeda269c8f1.3','ac6c37d29060a86ecef0605c15fb2a58c042ae2cfbcd6c7e1c3111ee849d687c',NULL,'default','scripted-51',0,NULL);
INSERT INTO "completions" VALUES(50,'run_01a22d348ee5383ccafab4',42,'classify','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: Draft a glossary of painted ferry crossings, reluctant hedgerows and enormous speeches for a local newspaper.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -2.597078047940898, "No": -0.0774113354821937}',509,1,256500000,3.44298879999769269488e-02,1.79605475003799939159e+09,'5393cbeda269c8f1.4','d16f7c8d91b70f176341aa15b9bfc75312957ca66ab13ad63798dba8d76efb5c',NULL,'default','scripted-52',0,NULL);
INSERT INTO "completions" VALUES(51,'run_01a22d348ee5383ccafab4',43,'classify','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: Correct the tools of enormous garden sheds, wooden swallows and royal tram lines for a visitor from abroad.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -2.800310205515368, "No": -0.06271746233495135}',511,1,257500000,2.03966270000819349661e-02,1.7960547501069993973e+09,'5393cbeda269c8f1.5','99e4f0d0cb59daaeb85d3666d4bf5e7eaa853b267e81c4707b5c0801d3b840b9',NULL,'default','scripted-53',0,NULL);
INSERT INTO "completions" VALUES(52,'run_01a22d348ee5383ccafab4',44,'classify','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: Summarise the rules of modern crosswords, fragrant typewriters and foreign titrations for a sceptical engineer.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -2.5601735517489694, "No": -0.08044172294029517}',508,1,256000000,3.54105499991419492289e-03,1.7960547501069993973e+09,'5393cbeda269c8f1.6','0cce1ebeafe9f9593b5b74089368fca6a16fab88cf6d9a160a24f46f2a22dc39',NULL,'default','scripted-54',0,NULL);
INSERT INTO "completions" VALUES(53,'run_01a22d348ee5383ccafab4',45,'classify','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: Plan the colours of silent night trains, clumsy toll roads and early letters without using the letter z.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -2.9954930226647787, "No": -0.05130588812537695}',511,1,257500000,1.91421649997209897264e-02,1.7960547501069993973e+09,'5393cbeda269c8f1.7','9bb820ba087b9f2610104e4ff5ccf21eed65e0a842d9cef896a9fd9449445493',NULL,'default','scripted-55',0,NULL);
INSERT INTO "completions" VALUES(54,'run_01a22d348ee5383ccafab4',46,'classify','default/classify@14f74a51ae61','985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','Task: Explain the secrets of imported mushrooms, northern lullabies and vanishing beehives and give one example of it.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 4, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": 20, "seed": null}','scripted','No','stop','{"Yes": -2.612181148461302, "No": -0.07620560165198276}',510,1,257000000,1.8892962999871087959e-02,1.7960547501069993973e+09,'5393cbeda269c8f1.8','22ce6799023847d0627c74ad4fc998a6c71ca9d5702a505316d8a1de03e544c1',NULL,'default','scripted-56',0,NULL);
INSERT INTO "completions" VALUES(55,'run_01a22d348ee5383ccafab4',49,'instantiate','default/output_first@f9d8baceb89c','5d27364403d5ec96d499ef84390afa03105e2a4bd6a92b1883d4c11e5b4cf61c','Task: Decide whether a remark overheard on a train about modern speeches, enormous oyster beds and striped ferry crossings is urgent or routine.

Write up to 3 examples.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instances": [{"output": "urgent", "input": "The history of lighthouses, in no more than forty words, number 92."}, {"output": "routine", "input": "The plot of an invented novel, for a visitor from abroad, number 697."}, {"output": "urgent", "input": "An apology to a neighbour, for somebody new to the subject, number 983."}]}','stop','null',899,48,545500000,2.19385580003290669992e-02,1.7960547501069993973e+09,'5393cbeda269c8f1.9','ab515ba24862fe8f19e7dc18c2f1fa7002dd001f58148f8710a8ad0336eedfb3',NULL,'default','scripted-57',0,NULL);
INSERT INTO "completions" VALUES(56,'run_01a22d348ee5383ccafab4',50,'instantiate','default/input_first@dab67160c708','70a28ae5577b51644174e1882d0a6d3bea685ebe987211d22aa8926842de099d','Task: Draft a glossary of painted ferry crossings, reluctant hedgerows and enormous speeches for a local newspaper.

Write up to 3 examples.','[]','{"temperature": 0.0, "top_p": 1.0, "max_tokens": 1024, "presence_penalty": 0.0, "frequency_penalty": 0.0, "stop": [], "top_logprobs": null, "seed": null}','scripted','{"instances": [{"input": "A proof that the square root of two is irrational, for a visitor from abroad, number 421.", "output": "A proof that the square root of two is irrational, in no more than forty words, number 659."}, {"input": "How bees find their way, as a numbered set of steps, number 832.", "output": "The sounds of an early market, and give one example of it, number 219."}, {"input": "A timetable for exam week, in the style of a sea captain, number 170.", "output": "An argument against daylight saving time, using plain words only, number 372."}]}','stop','null',781,95,580500000,1.6257160000350268092e-03,1.7960547501069993973e+09,'5393cbeda269c8f1.10','28c670bde4298db46e7a96c23529dd24ec4b719f4aa4f626c95add6f3aebad60',NULL,'default','scripted-58',0,NULL);
CREATE TABLE dataset_drops (
	id INTEGER NOT NULL, 
	dataset_id VARCHAR(40) NOT NULL, 
	filter VARCHAR(40) NOT NULL, 
	reason VARCHAR(60) NOT NULL, 
	detail TEXT NOT NULL, 
	text TEXT NOT NULL, 
	origin JSON NOT NULL, 
	CONSTRAINT pk_dataset_drops PRIMARY KEY (id), 
	CONSTRAINT fk_dataset_drops_dataset_id FOREIGN KEY(dataset_id) REFERENCES datasets (id)
);
CREATE TABLE dataset_files (
	dataset_id VARCHAR(40) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	row_count INTEGER NOT NULL, 
	made_at FLOAT DEFAULT ((julianday('now') - 2440587.5) * 86400.0) NOT NULL, 
	CONSTRAINT pk_dataset_files PRIMARY KEY (dataset_id, name), 
	CONSTRAINT fk_dataset_files_dataset_id FOREIGN KEY(dataset_id) REFERENCES datasets (id)
);
CREATE TABLE dataset_rows (
	dataset_id VARCHAR(40) NOT NULL, 
	position INTEGER NOT NULL, 
	instruction TEXT NOT NULL, 
	input TEXT NOT NULL, 
	output TEXT NOT NULL, 
	system TEXT DEFAULT '' NOT NULL, 
	history JSON, 
	is_classification BOOLEAN, 
	split VARCHAR(5) NOT NULL, 
	origin JSON NOT NULL, 
	changes JSON, 
	CONSTRAINT pk_dataset_rows PRIMARY KEY (dataset_id, position), 
	CONSTRAINT fk_dataset_rows_dataset_id FOREIGN KEY(dataset_id) REFERENCES datasets (id)
);
INSERT INTO "dataset_rows" VALUES('dataset_01a22d34941197bc90f343',0,'List the etiquette of ancient cheese, noisy lighthouses and borrowed stained glass for a local newspaper.','','A contract clause about rent, for a sceptical engineer, number 969.','','null',0,'train','{"run_id": "run_01a22d347a3381aa523dfe", "sequence": 0, "instance": 0, "completion_id": 6, "instance_completion_id": 14, "instance_mode": "input_first"}','null');
INSERT INTO "dataset_rows" VALUES('dataset_01a22d34941197bc90f343',1,'List the etiquette of ancient cheese, noisy lighthouses and borrowed stained glass for a local newspaper.','The plot of an invented novel, in the style of a sea captain, number 686.','The causes of coastal erosion, so that a tired reader enjoys it, number 567.','','null',0,'train','{"run_id": "run_01a22d347a3381aa523dfe", "sequence": 0, "instance": 1, "completion_id": 6, "instance_completion_id": 14, "instance_mode": "input_first"}','null');
INSERT INTO "dataset_rows" VALUES('dataset_01a22d34941197bc90f343',2,'List the etiquette of ancient cheese, noisy lighthouses and borrowed stained glass for a local newspaper.','A proof that the square root of two is irrational, using plain words only, number 346.','A budget for a village fair, for somebody new to the subject, number 141.','','null',0,'train','{"run_id": "run_01a22d347a3381aa523dfe", "sequence": 0, "instance": 2, "completion_id": 6, "instance_completion_id": 14, "instance_mode": "input_first"}','null');
INSERT INTO "dataset_rows" VALUES('dataset_01a22d34941197bc90f343',3,'Name the tools of wooden lentil soup, rival mountain huts and borrowed herb gardens in exactly two sentences.','','The steps of a chemical titration, as a numbered set of steps, number 285.','','null',0,'train','{"run_id": "run_01a22d347a3381aa523dfe", "sequence": 1, "instance": 0, "completion_id": 6, "instance_completion_id": 17, "instance_mode": "input_first"}','null');
INSERT INTO "dataset_rows" VALUES('dataset_01a22d34941197bc90f343',4,'Decide whether a remark overheard on a train about modern speeches, enormous oyster beds and striped ferry crossings is urgent or routine.','The history of lighthouses, in no more than forty words, number 92.','urgent','','null',1,'train','{"run_id": "run_01a22d347a3381aa523dfe", "sequence": 2, "instance": 0, "completion_id": 6, "instance_completion_id": 18, "instance_mode": "output_first"}','null');
INSERT INTO "dataset_rows" VALUES('dataset_01a22d34941197bc90f343',5,'Decide whether a remark overheard on a train about modern speeches, enormous oyster beds and striped ferry crossings is urgent or routine.','The plot of an invented novel, for a visitor from abroad, number 697.','routine','','null',1,'train','{"run_id": "run_01a22d347a3381aa523dfe", "sequence": 2, "instance": 1, "completion_id": 6, "instance_completion_id": 18, "instance_mode": "output_first"}','null');
INSERT INTO "dataset_rows" VALUES('dataset_01a22d34941197bc90f343',6,'Decide whether a remark overheard on a train about modern speeches, enormous oyster beds and striped ferry crossings is urgent or routine.','An apology to a neighbour, for somebody new to the subject, number 983.','urgent','','null',1,'train','{"run_id": "run_01a22d347a3381aa523dfe", "sequence": 2, "instance": 2, "completion_id": 6, "instance_completion_id": 18, "instance_mode": "output_first"}','null');
INSERT INTO "dataset_rows" VALUES('dataset_01a22d34941197bc90f343',7,'Draft a glossary of painted ferry crossings, reluctant hedgerows and enormous speeches for a local newspaper.','A proof that the square root of two is irrational, for a visitor from abroad, number 421.','A proof that the square root of two is irrational, in no more than forty words, number 659.','','null',0,'train','{"run_id": "run_01a22d347a3381aa523dfe", "sequence": 3, "instance": 0, "completion_id": 6, "instance_completion_id": 19, "instance_mode": "input_first"}','null');
INSERT INTO "dataset_rows" VALUES('dataset_01a22d34941197bc90f343',8,'Draft a glossary of painted ferry crossings, reluctant hedgerows and enormous speeches for a local newspaper.','How bees find their way, as a numbered set of steps, number 832.','The sounds of an early market, and give one example of it, number 219.','','null',0,'train','{"run_id": "run_01a22d347a3381aa523dfe", "sequence": 3, "instance": 1, "completion_id": 6, "instance_completion_id": 19, "instance_mode": "input_first"}','null');
INSERT INTO "dataset_rows" VALUES('dataset_01a22d34941197bc90f343',9,'Draft a glossary of painted ferry crossings, reluctant hedgerows and enormous speeches for a local newspaper.','A timetable for exam week, in the style of a sea captain, number 170.','An argument against daylight saving time, using plain words only, number 372.','','null',0,'train','{"run_id": "run_01a22d347a3381aa523dfe", "sequence": 3, "instance": 2, "completion_id": 6, "instance_completion_id": 19, "instance_mode": "input_first"}','null');
INSERT INTO "dataset_rows" VALUES('dataset_01a22d34941197bc90f343',10,'Correct the tools of enormous garden sheds, wooden swallows and royal tram lines for a visitor from abroad.','','The duties of a night porter, with one surprising comparison, number 975.','','null',0,'train','{"run_id": "run_01a22d347a3381aa523dfe", "sequence": 4, "instance": 0, "completion_id": 6, "instance_completion_id": 20, "instance_mode": "input_first"}','null');
INSERT INTO "dataset_rows" VALUES('dataset_01a22d34941197bc90f343',11,'Correct the tools of enormous garden sheds, wooden swallows and royal tram lines for a visitor from abroad.','A speech for a retirement, with one surprising comparison, number 39.','The rules of table tennis, for a local newspaper, number 312.','','null',0,'train','{"run_id": "run_01a22d347a3381aa523dfe", "sequence": 4, "instance": 1, "completion_id": 6, "instance_completion_id": 20, "instance_mode": "input_first"}','null');
INSERT INTO "dataset_rows" VALUES('dataset_01a22d34941197bc90f343',12,'Correct the tools of enormous garden sheds, wooden swallows and royal tram lines for a visitor from abroad.','A bedtime story about a fox, without using the letter z, number 500.','A recipe for lentil soup, for somebody new to the subject, number 536.','','null',0,'train','{"run_id": "run_01a22d347a3381aa523dfe", "sequence": 4, "instance": 2, "completion_id": 6, "instance_completion_id": 20, "instance_mode": "input_first"}','null');
INSERT INTO "dataset_rows" VALUES('dataset_01a22d34941197bc90f343',13,'Summarise the rules of modern crosswords, fragrant typewriters and foreign titrations for a sceptical engineer.','The plot of an invented novel, in exactly two sentences, number 244.','A speech for a retirement, as if it happened a century ago, number 286.','','null',0,'train','{"run_id": "run_01a22d347a3381aa523dfe", "sequence": 5, "instance": 0, "completion_id": 6, "instance_completion_id": 21, "instance_mode": "input_first"}','null');
INSERT INTO "dataset_rows" VALUES('dataset_01a22d34941197bc90f343',14,'Plan the colours of silent night trains, clumsy toll roads and early letters without using the letter z.','','The taste of unripe quinces, as a numbered set of steps, number 639.','','null',0,'train','{"run_id": "run_01a22d347a3381aa523dfe", "sequence": 6, "instance": 0, "completion_id": 6, "instance_completion_id": 22, "instance_mode": "input_first"}','null');
INSERT INTO "dataset_rows" VALUES('dataset_01a22d34941197bc90f343',15,'Plan the colours of silent night trains, clumsy toll roads and early letters without using the letter z.','How to repair a bicycle tyre, so that a tired reader enjoys it, number 356.','A haiku about fog, in the form of a dialogue, number 359.','','null',0,'train','{"run_id": "run_01a22d347a3381aa523dfe", "sequence": 6, "instance": 1, "completion_id": 6, "instance_completion_id": 22, "instance_mode": "input_first"}','null');
INSERT INTO "dataset_rows" VALUES('dataset_01a22d34941197bc90f343',16,'Explain the secrets of imported mushrooms, northern lullabies and vanishing beehives and give one example of it.','','The difference between weather and climate, as a numbered set of steps, number 0.','','null',0,'train','{"run_id": "run_01a22d347a3381aa523dfe", "sequence": 7, "instance": 0, "completion_id": 6, "instance_completion_id": 23, "instance_mode": "input_first"}','null');
INSERT INTO "dataset_rows" VALUES('dataset_01a22d34941197bc90f343',17,'Explain the secrets of imported mushrooms, northern lullabies and vanishing beehives and give one example of it.','The duties of a night porter, using plain words only, number 87.','A haiku about fog, in the form of a dialogue, number 884.','','null',0,'train','{"run_id": "run_01a22d347a3381aa523dfe", "sequence": 7, "instance": 1, "completion_id": 6, "instance_completion_id": 23, "instance_mode": "input_first"}','null');
CREATE TABLE datasets (
	id VARCHAR(40) NOT NULL, 
	name VARCHAR(100) NOT NULL, 
	version INTEGER NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	is_import BOOLEAN NOT NULL, 
	recipe JSON NOT NULL, 
	request_sha256 VARCHAR(64), 
	message TEXT, 
	row_count INTEGER DEFAULT 0 NOT NULL, 
	dropped_count INTEGER DEFAULT 0 NOT NULL, 
	content_sha256 VARCHAR(64), 
	facts JSON DEFAULT '{}' NOT NULL, 
	statistics JSON, 
	attempts INTEGER DEFAULT 0 NOT NULL, 
	token VARCHAR(40), 
	leased_until FLOAT, 
	nudged_at FLOAT, 
	created_at FLOAT DEFAULT ((julianday('now') - 2440587.5) * 86400.0) NOT NULL, 
	ended_at FLOAT, 
	CONSTRAINT pk_datasets PRIMARY KEY (id), 
	CONSTRAINT uq_datasets_name_version UNIQUE (name, version), 
	CONSTRAINT uq_datasets_request_sha256 UNIQUE (request_sha256)
);
INSERT INTO "datasets" VALUES('dataset_01a22d34941197bc90f343','grown',1,'ready',0,'{"filters": {"no_input": true, "leftover_markers": true, "empty_output": true, "echo": true, "refusal": true, "cut_off": true, "repeated_text": true, "most_repeats": 4, "invented_links": true, "other_language": true, "language_certainty": 0.9, "language_letters": 30, "unseen_input": false, "wrong_arithmetic": true, "invalid_json": true, "invalid_python": true}, "nearness": {"exact_repeats": true, "within": false, "threshold": 0.7, "tokenizer": "unicode"}, "decontamination": {"words": 13, "fewest_words": 5, "threshold": 0.7, "drop": true}, "mix": {"total": null, "order": "one_after_another", "seed": 0}, "split": {"test_share": 0.0, "threshold": 0.7, "seed": 0}, "nothing_near": [], "test_sets": [], "licence": null, "sources": [{"weight": null, "limit": null, "run_id": "run_01a22d347a3381aa523dfe", "dataset_id": null}]}','01885f41915101c5920d9df0aea3aea4c1a7d47983552d67a7a1ebe3095e5acd',NULL,18,0,'60b6affe8cbca3dd99391494254f3d75cea2cedae8b25acf504ce1621a284bc5','{"sources": [{"run_id": "run_01a22d347a3381aa523dfe", "instructions": 8, "ended": true, "profile": "default", "model": "scripted", "seed_set": {"id": "seeds_01a22d347a641c19b1ebda", "name": "10 seed tasks", "tasks": 10, "content_sha256": "e476b3b75bf262f713d02b0b21e0ac776abddd55429ce728592940bfe8e493c0", "licence": null}}], "filters": [{"name": "no_input", "looked_at": 18, "dropped": {}, "mended": {}}, {"name": "empty_output", "looked_at": 18, "dropped": {}, "mended": {}}, {"name": "leftover_markers", "looked_at": 18, "dropped": {}, "mended": {}}, {"name": "echo", "looked_at": 18, "dropped": {}, "mended": {}}, {"name": "refusal", "looked_at": 18, "dropped": {}, "mended": {}}, {"name": "cut_off", "looked_at": 18, "dropped": {}, "mended": {}}, {"name": "repeated_text", "looked_at": 18, "dropped": {}, "mended": {}}, {"name": "invented_links", "looked_at": 18, "dropped": {}, "mended": {}}, {"name": "other_language", "looked_at": 18, "dropped": {}, "mended": {}}, {"name": "wrong_arithmetic", "looked_at": 18, "dropped": {}, "mended": {}}, {"name": "invalid_json", "looked_at": 18, "dropped": {}, "mended": {}}, {"name": "invalid_python", "looked_at": 18, "dropped": {}, "mended": {}}], "test_overlap": null, "runs": [{"run_id": "run_01a22d347a3381aa523dfe", "profile": "default", "models": ["scripted"], "prompt_versions": ["default/classify@14f74a51ae61", "default/generate@5b96872a1524", "default/input_first@dab67160c708", "default/output_first@f9d8baceb89c"], "started_at": "2026-11-30T16:05:44.148995+00:00", "ended_at": "2026-11-30T16:05:45.409016+00:00", "candidates": 16, "accepted": 8, "rows": 18, "acceptance": [{"calls": 1, "accepted": 8}, {"calls": 2, "accepted": 8}], "rejected": {"generate": {"surplus": 8}, "instantiate": {"empty_output": 1}}, "calls": 23, "prompt_tokens": 12486, "completion_tokens": 741, "cost_usd": 0.007725, "cost_per_row_usd": 0.00042916666666666667}], "dropped": {}}','{"rows": 18, "instructions": 8, "classification": 1, "not_classification": 7, "unknown_class": 0, "with_input": 13, "empty_input": 5, "input_share": 0.7222222222222222, "empty_output": 0, "chats": 0, "splits": {"train": 18}, "mended": {}, "instruction_words": {"count": 8, "mean": 17.5, "median": 17, "p95": 22, "longest": 22, "bins": [{"low": 0, "high": 0, "count": 0}, {"low": 1, "high": 1, "count": 0}, {"low": 2, "high": 2, "count": 0}, {"low": 3, "high": 3, "count": 0}, {"low": 4, "high": 5, "count": 0}, {"low": 6, "high": 7, "count": 0}, {"low": 8, "high": 10, "count": 0}, {"low": 11, "high": 15, "count": 1}, {"low": 16, "high": 22, "count": 7}]}, "input_words": {"count": 13, "mean": 13.538461538461538, "median": 13, "p95": 17, "longest": 17, "bins": [{"low": 0, "high": 0, "count": 0}, {"low": 1, "high": 1, "count": 0}, {"low": 2, "high": 2, "count": 0}, {"low": 3, "high": 3, "count": 0}, {"low": 4, "high": 5, "count": 0}, {"low": 6, "high": 7, "count": 0}, {"low": 8, "high": 10, "count": 0}, {"low": 11, "high": 15, "count": 11}, {"low": 16, "high": 22, "count": 2}]}, "output_words": {"count": 18, "mean": 11.166666666666666, "median": 12, "p95": 18, "longest": 18, "bins": [{"low": 0, "high": 0, "count": 0}, {"low": 1, "high": 1, "count": 3}, {"low": 2, "high": 2, "count": 0}, {"low": 3, "high": 3, "count": 0}, {"low": 4, "high": 5, "count": 0}, {"low": 6, "high": 7, "count": 0}, {"low": 8, "high": 10, "count": 0}, {"low": 11, "high": 15, "count": 14}, {"low": 16, "high": 22, "count": 1}]}, "seed_similarity": {"scored": 18, "unknown": 0, "mean": 0.2091897885001333, "bins": [{"low": 0.0, "high": 0.1, "count": 0}, {"low": 0.1, "high": 0.2, "count": 5}, {"low": 0.2, "high": 0.3, "count": 13}, {"low": 0.3, "high": 0.4, "count": 0}, {"low": 0.4, "high": 0.5, "count": 0}, {"low": 0.5, "high": 0.6, "count": 0}, {"low": 0.6, "high": 0.7, "count": 0}, {"low": 0.7, "high": 0.8, "count": 0}, {"low": 0.8, "high": 0.9, "count": 0}, {"low": 0.9, "high": 1.0, "count": 0}]}, "verbs": {"method": "rules", "looked_at": 8, "found": 7, "distinct_verbs": 7, "distinct_pairs": 7, "verbs": [{"verb": "correct", "count": 1, "nouns": [{"text": "tool", "count": 1}]}, {"verb": "draft", "count": 1, "nouns": [{"text": "glossary", "count": 1}]}, {"verb": "explain", "count": 1, "nouns": [{"text": "secret", "count": 1}]}, {"verb": "list", "count": 1, "nouns": [{"text": "etiquette", "count": 1}]}, {"verb": "name", "count": 1, "nouns": [{"text": "tool", "count": 1}]}, {"verb": "plan", "count": 1, "nouns": [{"text": "colour", "count": 1}]}, {"verb": "summarise", "count": 1, "nouns": [{"text": "rule", "count": 1}]}], "covered": 7, "covered_share": 0.875, "undercounted_by": 0}, "labels": {"all_rows": {"whole": {"rows": 3, "distinct": 2, "top": [{"text": "urgent", "count": 2}, {"text": "routine", "count": 1}], "undercounted_by": 0, "entropy_bits": 0.9182958340544896, "evenness": 0.9182958340544896}, "within": {"instructions": 1, "one_label_only": 0, "mean_evenness": 0.9182958340544894, "mean_commonest_share": 0.6666666666666666, "evenness": [{"low": 0.0, "high": 0.1, "count": 0}, {"low": 0.1, "high": 0.2, "count": 0}, {"low": 0.2, "high": 0.3, "count": 0}, {"low": 0.3, "high": 0.4, "count": 0}, {"low": 0.4, "high": 0.5, "count": 0}, {"low": 0.5, "high": 0.6, "count": 0}, {"low": 0.6, "high": 0.7, "count": 0}, {"low": 0.7, "high": 0.8, "count": 0}, {"low": 0.8, "high": 0.9, "count": 0}, {"low": 0.9, "high": 1.0, "count": 1}]}}, "output_first": {"whole": {"rows": 3, "distinct": 2, "top": [{"text": "urgent", "count": 2}, {"text": "routine", "count": 1}], "undercounted_by": 0, "entropy_bits": 0.9182958340544896, "evenness": 0.9182958340544896}, "within": {"instructions": 1, "one_label_only": 0, "mean_evenness": 0.9182958340544894, "mean_commonest_share": 0.6666666666666666, "evenness": [{"low": 0.0, "high": 0.1, "count": 0}, {"low": 0.1, "high": 0.2, "count": 0}, {"low": 0.2, "high": 0.3, "count": 0}, {"low": 0.3, "high": 0.4, "count": 0}, {"low": 0.4, "high": 0.5, "count": 0}, {"low": 0.5, "high": 0.6, "count": 0}, {"low": 0.6, "high": 0.7, "count": 0}, {"low": 0.7, "high": 0.8, "count": 0}, {"low": 0.8, "high": 0.9, "count": 0}, {"low": 0.9, "high": 1.0, "count": 1}]}}, "input_first": {"whole": {"rows": 0, "distinct": 0, "top": [], "undercounted_by": 0, "entropy_bits": null, "evenness": null}, "within": {"instructions": 0, "one_label_only": 0, "mean_evenness": null, "mean_commonest_share": null, "evenness": []}}, "way_unknown": 0}}',1,NULL,NULL,NULL,1.79605475028000164034e+09,1.79605475060299348832e+09);
CREATE TABLE endpoint_states (
	name VARCHAR(60) NOT NULL, 
	model VARCHAR(200) NOT NULL, 
	held_until FLOAT, 
	away_since FLOAT, 
	probe_at FLOAT, 
	probe_delay_s DOUBLE, 
	trouble TEXT, 
	requests_at FLOAT, 
	tokens_at FLOAT, 
	CONSTRAINT pk_endpoint_states PRIMARY KEY (name, model)
);
INSERT INTO "endpoint_states" VALUES('default','scripted',NULL,NULL,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE instances (
	run_id VARCHAR(40) NOT NULL, 
	sequence INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	input TEXT NOT NULL, 
	output TEXT NOT NULL, 
	completion_id BIGINT NOT NULL, 
	CONSTRAINT pk_instances PRIMARY KEY (run_id, sequence, position), 
	CONSTRAINT fk_instances_run_id FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "instances" VALUES('run_01a22d347a3381aa523dfe',0,0,'','A contract clause about rent, for a sceptical engineer, number 969.',14);
INSERT INTO "instances" VALUES('run_01a22d347a3381aa523dfe',0,1,'The plot of an invented novel, in the style of a sea captain, number 686.','The causes of coastal erosion, so that a tired reader enjoys it, number 567.',14);
INSERT INTO "instances" VALUES('run_01a22d347a3381aa523dfe',0,2,'A proof that the square root of two is irrational, using plain words only, number 346.','A budget for a village fair, for somebody new to the subject, number 141.',14);
INSERT INTO "instances" VALUES('run_01a22d347a3381aa523dfe',1,0,'','The steps of a chemical titration, as a numbered set of steps, number 285.',17);
INSERT INTO "instances" VALUES('run_01a22d347a3381aa523dfe',2,0,'The history of lighthouses, in no more than forty words, number 92.','urgent',18);
INSERT INTO "instances" VALUES('run_01a22d347a3381aa523dfe',2,1,'The plot of an invented novel, for a visitor from abroad, number 697.','routine',18);
INSERT INTO "instances" VALUES('run_01a22d347a3381aa523dfe',2,2,'An apology to a neighbour, for somebody new to the subject, number 983.','urgent',18);
INSERT INTO "instances" VALUES('run_01a22d347a3381aa523dfe',3,0,'A proof that the square root of two is irrational, for a visitor from abroad, number 421.','A proof that the square root of two is irrational, in no more than forty words, number 659.',19);
INSERT INTO "instances" VALUES('run_01a22d347a3381aa523dfe',3,1,'How bees find their way, as a numbered set of steps, number 832.','The sounds of an early market, and give one example of it, number 219.',19);
INSERT INTO "instances" VALUES('run_01a22d347a3381aa523dfe',3,2,'A timetable for exam week, in the style of a sea captain, number 170.','An argument against daylight saving time, using plain words only, number 372.',19);
INSERT INTO "instances" VALUES('run_01a22d347a3381aa523dfe',4,0,'','The duties of a night porter, with one surprising comparison, number 975.',20);
INSERT INTO "instances" VALUES('run_01a22d347a3381aa523dfe',4,1,'A speech for a retirement, with one surprising comparison, number 39.','The rules of table tennis, for a local newspaper, number 312.',20);
INSERT INTO "instances" VALUES('run_01a22d347a3381aa523dfe',4,2,'A bedtime story about a fox, without using the letter z, number 500.','A recipe for lentil soup, for somebody new to the subject, number 536.',20);
INSERT INTO "instances" VALUES('run_01a22d347a3381aa523dfe',5,0,'The plot of an invented novel, in exactly two sentences, number 244.','A speech for a retirement, as if it happened a century ago, number 286.',21);
INSERT INTO "instances" VALUES('run_01a22d347a3381aa523dfe',6,0,'','The taste of unripe quinces, as a numbered set of steps, number 639.',22);
INSERT INTO "instances" VALUES('run_01a22d347a3381aa523dfe',6,1,'How to repair a bicycle tyre, so that a tired reader enjoys it, number 356.','A haiku about fog, in the form of a dialogue, number 359.',22);
INSERT INTO "instances" VALUES('run_01a22d347a3381aa523dfe',7,0,'','The difference between weather and climate, as a numbered set of steps, number 0.',23);
INSERT INTO "instances" VALUES('run_01a22d347a3381aa523dfe',7,1,'The duties of a night porter, using plain words only, number 87.','A haiku about fog, in the form of a dialogue, number 884.',23);
INSERT INTO "instances" VALUES('run_01a22d34821be18713f92a',0,0,'A budget for a village fair, with one surprising comparison, number 523.','happy',34);
INSERT INTO "instances" VALUES('run_01a22d34821be18713f92a',1,0,'An argument against daylight saving time, as a numbered set of steps, number 684.','How to repair a bicycle tyre, and end with a question, number 677.',35);
INSERT INTO "instances" VALUES('run_01a22d34821be18713f92a',2,0,'An apology to a neighbour, for a sceptical engineer, number 626.','The sounds of an early market, for a local newspaper, number 534.',36);
INSERT INTO "instances" VALUES('run_01a22d34821be18713f92a',2,1,'An inventory of a carpenter''s workshop, in the style of a sea captain, number 137.','A haiku about fog, for somebody new to the subject, number 451.',36);
INSERT INTO "instances" VALUES('run_01a22d348ee5383ccafab4',0,0,'','A contract clause about rent, for a sceptical engineer, number 969.',47);
INSERT INTO "instances" VALUES('run_01a22d348ee5383ccafab4',0,1,'The plot of an invented novel, in the style of a sea captain, number 686.','The causes of coastal erosion, so that a tired reader enjoys it, number 567.',47);
INSERT INTO "instances" VALUES('run_01a22d348ee5383ccafab4',0,2,'A proof that the square root of two is irrational, using plain words only, number 346.','A budget for a village fair, for somebody new to the subject, number 141.',47);
INSERT INTO "instances" VALUES('run_01a22d348ee5383ccafab4',1,0,'','The steps of a chemical titration, as a numbered set of steps, number 285.',48);
INSERT INTO "instances" VALUES('run_01a22d348ee5383ccafab4',2,0,'The history of lighthouses, in no more than forty words, number 92.','urgent',55);
INSERT INTO "instances" VALUES('run_01a22d348ee5383ccafab4',2,1,'The plot of an invented novel, for a visitor from abroad, number 697.','routine',55);
INSERT INTO "instances" VALUES('run_01a22d348ee5383ccafab4',2,2,'An apology to a neighbour, for somebody new to the subject, number 983.','urgent',55);
INSERT INTO "instances" VALUES('run_01a22d348ee5383ccafab4',3,0,'A proof that the square root of two is irrational, for a visitor from abroad, number 421.','A proof that the square root of two is irrational, in no more than forty words, number 659.',56);
INSERT INTO "instances" VALUES('run_01a22d348ee5383ccafab4',3,1,'How bees find their way, as a numbered set of steps, number 832.','The sounds of an early market, and give one example of it, number 219.',56);
INSERT INTO "instances" VALUES('run_01a22d348ee5383ccafab4',3,2,'A timetable for exam week, in the style of a sea captain, number 170.','An argument against daylight saving time, using plain words only, number 372.',56);
CREATE TABLE instructions (
	run_id VARCHAR(40) NOT NULL, 
	sequence INTEGER NOT NULL, 
	text TEXT NOT NULL, 
	completion_id BIGINT NOT NULL, 
	neighbours JSON NOT NULL, 
	is_classification BOOLEAN, 
	confidence DOUBLE, 
	classified_by BIGINT, 
	is_complete BOOLEAN NOT NULL, 
	created_at FLOAT DEFAULT ((julianday('now') - 2440587.5) * 86400.0) NOT NULL, 
	CONSTRAINT pk_instructions PRIMARY KEY (run_id, sequence), 
	CONSTRAINT fk_instructions_run_id FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "instructions" VALUES('run_01a22d347a3381aa523dfe',0,'List the etiquette of ancient cheese, noisy lighthouses and borrowed stained glass for a local newspaper.',6,'[]',0,-2.17208639842586137547e+00,8,1,1.79605474466599082943e+09);
INSERT INTO "instructions" VALUES('run_01a22d347a3381aa523dfe',1,'Name the tools of wooden lentil soup, rival mountain huts and borrowed herb gardens in exactly two sentences.',6,'[]',0,-2.42980433705687381973e+00,9,1,1.79605474466599082943e+09);
INSERT INTO "instructions" VALUES('run_01a22d347a3381aa523dfe',2,'Decide whether a remark overheard on a train about modern speeches, enormous oyster beds and striped ferry crossings is urgent or routine.',6,'[]',1,3.79058362935116299752e+00,10,1,1.79605474466599082943e+09);
INSERT INTO "instructions" VALUES('run_01a22d347a3381aa523dfe',3,'Draft a glossary of painted ferry crossings, reluctant hedgerows and enormous speeches for a local newspaper.',6,'[]',0,-2.0196667124587044384e+00,11,1,1.79605474466599082943e+09);
INSERT INTO "instructions" VALUES('run_01a22d347a3381aa523dfe',4,'Correct the tools of enormous garden sheds, wooden swallows and royal tram lines for a visitor from abroad.',6,'[]',0,-2.23759274318041612161e+00,12,1,1.79605474466599082943e+09);
INSERT INTO "instructions" VALUES('run_01a22d347a3381aa523dfe',5,'Summarise the rules of modern crosswords, fragrant typewriters and foreign titrations for a sceptical engineer.',6,'[]',0,-1.97973182880867404342e+00,13,1,1.79605474466599082943e+09);
INSERT INTO "instructions" VALUES('run_01a22d347a3381aa523dfe',6,'Plan the colours of silent night trains, clumsy toll roads and early letters without using the letter z.',6,'[]',0,-2.44418713453940128488e+00,15,1,1.79605474466599082943e+09);
INSERT INTO "instructions" VALUES('run_01a22d347a3381aa523dfe',7,'Explain the secrets of imported mushrooms, northern lullabies and vanishing beehives and give one example of it.',6,'[]',0,-2.03597554680931924764e+00,16,1,1.79605474466599082943e+09);
INSERT INTO "instructions" VALUES('run_01a22d34821be18713f92a',0,'Decide whether a headline in a school paper about forgotten salt mines, vanishing echoes and narrow weather stations is happy or unhappy.',29,'[]',1,4.05580084673466245703e+00,30,1,1.7960547462199954986e+09);
INSERT INTO "instructions" VALUES('run_01a22d34821be18713f92a',1,'Estimate the invention of fragrant tram lines, secret buttons and unfinished sheepdogs as a letter to a friend.',29,'[]',0,-1.68594127593302967049e+00,31,1,1.7960547462199954986e+09);
INSERT INTO "instructions" VALUES('run_01a22d34821be18713f92a',2,'Plan the colours of striped bookbinders, foreign blacksmiths and spare table tennis for a sceptical engineer.',29,'[]',0,-1.61084642032942171319e+00,32,1,1.7960547462199954986e+09);
INSERT INTO "instructions" VALUES('run_01a22d34821be18713f92a',3,'Predict the invention of modern rain barrels, damp echoes and forgotten village fairs for somebody new to the subject.',29,'[]',0,-1.66348836253322374112e+00,33,1,1.7960547462199954986e+09);
INSERT INTO "instructions" VALUES('run_01a22d348ee5383ccafab4',0,'List the etiquette of ancient cheese, noisy lighthouses and borrowed stained glass for a local newspaper.',43,'[]',0,-2.17208639842586137547e+00,45,1,1.79605474944198584556e+09);
INSERT INTO "instructions" VALUES('run_01a22d348ee5383ccafab4',1,'Name the tools of wooden lentil soup, rival mountain huts and borrowed herb gardens in exactly two sentences.',43,'[]',0,-2.42980433705687381973e+00,46,1,1.79605474944198584556e+09);
INSERT INTO "instructions" VALUES('run_01a22d348ee5383ccafab4',2,'Decide whether a remark overheard on a train about modern speeches, enormous oyster beds and striped ferry crossings is urgent or routine.',43,'[]',1,3.79058362935116299752e+00,49,1,1.79605474944198584556e+09);
INSERT INTO "instructions" VALUES('run_01a22d348ee5383ccafab4',3,'Draft a glossary of painted ferry crossings, reluctant hedgerows and enormous speeches for a local newspaper.',43,'[]',0,-2.0196667124587044384e+00,50,1,1.79605474944198584556e+09);
INSERT INTO "instructions" VALUES('run_01a22d348ee5383ccafab4',4,'Correct the tools of enormous garden sheds, wooden swallows and royal tram lines for a visitor from abroad.',43,'[]',0,-2.23759274318041612161e+00,51,0,1.79605474944198584556e+09);
INSERT INTO "instructions" VALUES('run_01a22d348ee5383ccafab4',5,'Summarise the rules of modern crosswords, fragrant typewriters and foreign titrations for a sceptical engineer.',43,'[]',0,-1.97973182880867404342e+00,52,0,1.79605474944198584556e+09);
INSERT INTO "instructions" VALUES('run_01a22d348ee5383ccafab4',6,'Plan the colours of silent night trains, clumsy toll roads and early letters without using the letter z.',43,'[]',0,-2.44418713453940128488e+00,53,0,1.79605474944198584556e+09);
INSERT INTO "instructions" VALUES('run_01a22d348ee5383ccafab4',7,'Explain the secrets of imported mushrooms, northern lullabies and vanishing beehives and give one example of it.',43,'[]',0,-2.03597554680931924764e+00,54,0,1.79605474944198584556e+09);
CREATE TABLE prompt_texts (
	sha256 VARCHAR(64) NOT NULL, 
	text TEXT NOT NULL, 
	CONSTRAINT pk_prompt_texts PRIMARY KEY (sha256)
);
INSERT INTO "prompt_texts" VALUES('4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945','[]');
INSERT INTO "prompt_texts" VALUES('985c9bbbd45731c36feb199e8ed4d06f2d82378c9e5bdf801d41f92d0784b7d7','[{"role": "system", "content": "You sort tasks. A classification task is one whose answer is one of a small, fixed set of labels that the task states or implies, such as yes or no, positive or negative, a rating, or a choice among the options given. A task whose answer must be written, computed, extracted, translated or explained is not one, however short the answer is.\n\nAnswer with one word: Yes if the task is a classification task, No if it is not."}, {"role": "user", "content": "Task: Would this cover letter suit an application to a bank? Say yes or no."}, {"role": "assistant", "content": "Yes"}, {"role": "user", "content": "Task: Count the adverbs in the paragraph."}, {"role": "assistant", "content": "No"}, {"role": "user", "content": "Task: Which of the four words best completes the sentence? Give the letter A, B, C or D."}, {"role": "assistant", "content": "Yes"}, {"role": "user", "content": "Task: Rank these five laptops by battery life, longest first."}, {"role": "assistant", "content": "No"}, {"role": "user", "content": "Task: In which year did the first tunnel under the Thames open?"}, {"role": "assistant", "content": "No"}, {"role": "user", "content": "Task: Mark the feeling that prevails in the diary entry: joy, anger, fear or sadness."}, {"role": "assistant", "content": "Yes"}, {"role": "user", "content": "Task: Is working from home good for cities? Discuss the arguments on both sides."}, {"role": "assistant", "content": "No"}, {"role": "user", "content": "Task: Do the two addresses mean the same place, written differently?"}, {"role": "assistant", "content": "Yes"}, {"role": "user", "content": "Task: Explain why the second sentence does not follow from the first."}, {"role": "assistant", "content": "No"}, {"role": "user", "content": "Task: Does the second sentence follow from the first, contradict it, or neither?"}, {"role": "assistant", "content": "Yes"}, {"role": "user", "content": "Task: Invent a name for a kitten who hides from visitors."}, {"role": "assistant", "content": "No"}, {"role": "user", "content": "Task: Who is speaking in this extract from the play?"}, {"role": "assistant", "content": "No"}, {"role": "user", "content": "Task: Guess the age group for which the children''s book is meant: 0-3, 4-7, 8-12 or 13 and over."}, {"role": "assistant", "content": "Yes"}, {"role": "user", "content": "Task: Estimate in grams how much the parcel weighs from what is in it."}, {"role": "assistant", "content": "No"}, {"role": "user", "content": "Task: Rewrite the instructions on the shampoo bottle as advice from a pirate."}, {"role": "assistant", "content": "No"}, {"role": "user", "content": "Task: Grade the essay on a scale from A to F. Reply with the grade alone."}, {"role": "assistant", "content": "Yes"}, {"role": "user", "content": "Task: Grade the essay and tell its author in three sentences how to improve it."}, {"role": "assistant", "content": "No"}, {"role": "user", "content": "Task: Alphabetise the guest list by surname."}, {"role": "assistant", "content": "No"}, {"role": "user", "content": "Task: May this bowl go into the microwave? Answer \"safe\" or \"unsafe\"."}, {"role": "assistant", "content": "Yes"}, {"role": "user", "content": "Task: How many working days lie between the two dates?"}, {"role": "assistant", "content": "No"}, {"role": "user", "content": "Task: By which letter do chemists abbreviate tungsten?"}, {"role": "assistant", "content": "No"}, {"role": "user", "content": "Task: Read the description of a chess position and tell who stands better: White, Black or neither."}, {"role": "assistant", "content": "Yes"}, {"role": "user", "content": "Task: Quote the words in the contract that set the period of notice."}, {"role": "assistant", "content": "No"}, {"role": "user", "content": "Task: Does the headline claim more than the study has shown?"}, {"role": "assistant", "content": "Yes"}, {"role": "user", "content": "Task: Predict what the customer is going to ask next."}, {"role": "assistant", "content": "No"}, {"role": "user", "content": "Task: From what the patient says, is the pain mild, moderate or severe?"}, {"role": "assistant", "content": "Yes"}, {"role": "user", "content": "Task: Give one reason for and one reason against school uniforms."}, {"role": "assistant", "content": "No"}, {"role": "user", "content": "Task: Translate the tongue twister into Dutch so that it still trips the tongue."}, {"role": "assistant", "content": "No"}, {"role": "user", "content": "Task: Report whether the transaction looks fraudulent or legitimate."}, {"role": "assistant", "content": "Yes"}, {"role": "user", "content": "Task: Choose a holiday destination for the family and defend your choice."}, {"role": "assistant", "content": "No"}, {"role": "user", "content": "Task: Point to the word that betrays the writer''s doubt."}, {"role": "assistant", "content": "No"}]');
INSERT INTO "prompt_texts" VALUES('47f6582c8e9edde5c10c8669892e0d217149ba4121afd6c90ea961d5a366aecb','[{"role": "system", "content": "You extend a collection of tasks that teach a language model to follow instructions. You are shown some of its tasks and write new ones.\n\nEach new task is one instruction:\n- It can be carried out with text alone, by a reader who sees nothing but the instruction and, where it needs material to work on, one short text that someone else adds later. Do not write that material and do not answer the task.\n- It has between 5 and 60 words, and says all that is needed to know what a good answer is.\n- It differs from the tasks shown and from the other new ones in subject, verb and form: questions, commands, small scenes with a role, tasks about code, numbers, language, daily life, work and science.\n- It asks for nothing that must be seen, heard, sent, looked up or done at a later time."}]');
INSERT INTO "prompt_texts" VALUES('70a28ae5577b51644174e1882d0a6d3bea685ebe987211d22aa8926842de099d','[{"role": "system", "content": "You write worked examples of a task. Where the task needs something to work on, invent it: real content, never a placeholder or a description of it. That is the input. Then write the output: a correct and complete answer to the task for that input, without any remark about it. Where the task can be answered as it stands, the input is empty and there is one example only. Different examples have different inputs. The answer is in the language the task asks for, or else in the language of the task.\n\nAnswer with a JSON object whose \"instances\" is a list of objects with \"input\" first and then \"output\"."}, {"role": "user", "content": "Task: How do I get candle wax out of a tablecloth?\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"input\": \"\", \"output\": \"Let the wax harden and lift off as much as you can with a blunt knife. Lay kitchen paper under and over the rest and press it with a warm iron, without steam, moving to fresh paper until no more wax comes through. Then wash the cloth as usual.\"}]}"}, {"role": "user", "content": "Task: Recast the sentence in the passive and leave out the doer where nobody would miss it.\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"input\": \"A baker found the wallet.\", \"output\": \"The wallet was found by a baker.\"}, {\"input\": \"They will repair the lift on Monday.\", \"output\": \"The lift will be repaired on Monday.\"}, {\"input\": \"Someone has eaten my soup.\", \"output\": \"My soup has been eaten.\"}]}"}, {"role": "user", "content": "Task: Extract the people and their roles as JSON.\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"input\": \"Minutes of the sailing club\\nIn the chair: Ewa Nowak. Paul Reyes kept the minutes.\\nThe treasurer, Aiko Mori, sent her apologies.\", \"output\": \"{\\\"Ewa Nowak\\\": \\\"chair\\\", \\\"Paul Reyes\\\": \\\"minutes\\\", \\\"Aiko Mori\\\": \\\"treasurer\\\"}\"}]}"}, {"role": "user", "content": "Task: Explain in two sentences what a tariff is and who ends up paying it.\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"input\": \"\", \"output\": \"A tariff is a tax on goods that come in from abroad, collected when they cross the border. The importing firm pays it first, and usually passes at least part of it on to customers through higher prices.\"}]}"}, {"role": "user", "content": "Task: Help the traveller with nothing but the timetable.\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"input\": \"Lindau dep. 8:05, Bregenz arr. 8:16\\nLindau dep. 9:35, Bregenz arr. 9:46\\nI can be at Lindau station at half past eight. When shall I reach Bregenz?\", \"output\": \"At 9:46. You miss the 8:05, so you take the 9:35.\"}, {\"input\": \"Weekdays: ferry at 7:00, 12:00, 18:00\\nSundays: ferry at 10:00\\nIt''s Sunday afternoon. Can I still cross today?\", \"output\": \"No. On Sundays the only ferry leaves at 10:00; the next one goes on Monday at 7:00.\"}]}"}, {"role": "user", "content": "Task: Write four lines of verse about the last bus of the evening.\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"input\": \"\", \"output\": \"It hums at the stop like a kettle of light,\\nThree strangers, one driver, the rest of the night;\\nIt gathers the late and the lost and the slow,\\nAnd shakes them all home through the first of the snow.\"}]}"}, {"role": "user", "content": "Task: Complete the Python function so that its docstring is true.\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"input\": \"def initials(name: str) -> str:\\n    \\\"\\\"\\\"Return the first letters of the words in name, as capitals: \\\"ada lovelace\\\" gives \\\"AL\\\".\\\"\\\"\\\"\", \"output\": \"def initials(name: str) -> str:\\n    \\\"\\\"\\\"Return the first letters of the words in name, as capitals: \\\"ada lovelace\\\" gives \\\"AL\\\".\\\"\\\"\\\"\\n    return \\\"\\\".join(word[0].upper() for word in name.split())\"}]}"}, {"role": "user", "content": "Task: Give the Italian for the phrase, with the right article.\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"input\": \"the bridge\", \"output\": \"il ponte\"}, {\"input\": \"the hand\", \"output\": \"la mano\"}, {\"input\": \"the mirror\", \"output\": \"lo specchio\"}]}"}, {"role": "user", "content": "Task: Work out what each person has to pay.\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"input\": \"Bill 84.00, tip 15 %, four people\", \"output\": \"24.15 each (84.00 + 12.60 = 96.60, divided by 4)\"}]}"}, {"role": "user", "content": "Task: Which shell command shows the ten largest folders directly inside the current one?\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"input\": \"\", \"output\": \"```bash\\ndu -sk */ | sort -rn | head -n 10\\n```\\nSizes are in kilobytes; hidden folders are left out.\"}]}"}, {"role": "user", "content": "Task: Answer the guest as the owner of a mountain hut, friendly and in one or two sentences.\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"input\": \"Do you have wifi?\", \"output\": \"No, but we have forty board games and the best stars for miles. In an emergency you can use the hut''s telephone.\"}, {\"input\": \"We''re two vegetarians and we arrive tomorrow around seven in the evening.\", \"output\": \"You''re very welcome. Supper is at seven, so I''ll keep two plates of spinach dumplings warm for you.\"}]}"}]');
INSERT INTO "prompt_texts" VALUES('5d27364403d5ec96d499ef84390afa03105e2a4bd6a92b1883d4c11e5b4cf61c','[{"role": "system", "content": "You write worked examples of a classification task. Take the possible labels of the task in turn, so that every label gets its share. First write the label, exactly as an answer would give it: that is the output. Then write the input that would be given that label: real content, never a placeholder, and not naming the label. Where the task has all it needs in itself, the input is empty and there is one example only, with the right label. The input is in the language of the task.\n\nAnswer with a JSON object whose \"instances\" is a list of objects with \"output\" first and then \"input\"."}, {"role": "user", "content": "Task: Is the customer asking for money back? Answer Yes or No.\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"output\": \"Yes\", \"input\": \"The kettle leaks. Please return the 39 euros to my card.\"}, {\"output\": \"No\", \"input\": \"The kettle is lovely. Do you sell a matching toaster?\"}]}"}, {"role": "user", "content": "Task: Choose the genre that fits the blurb: crime, romance or science fiction.\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"output\": \"romance\", \"input\": \"Two rival florists are snowed in at the same wedding.\"}, {\"output\": \"crime\", \"input\": \"The safe was empty, the guard asleep, and only the parrot had seen everything.\"}, {\"output\": \"science fiction\", \"input\": \"Nobody on the orbital farm remembers who planted the talking wheat.\"}]}"}, {"role": "user", "content": "Task: Countable or uncountable? Judge how the noun in capitals is used.\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"output\": \"uncountable\", \"input\": \"There is SAND in my shoes.\"}, {\"output\": \"countable\", \"input\": \"She bought three LAMPS.\"}]}"}, {"role": "user", "content": "Task: Can both statements be true at the same time? Say compatible or contradictory.\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"output\": \"contradictory\", \"input\": \"1. The shop is closed on every weekday.\\n2. I bought this hat there on Tuesday while it was open.\"}, {\"output\": \"compatible\", \"input\": \"1. The shop is closed on Mondays.\\n2. I walked past it on Monday.\"}]}"}, {"role": "user", "content": "Task: In which season of a temperate country does the scene take place?\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"output\": \"autumn\", \"input\": \"The children jump into heaps of yellow leaves.\"}, {\"output\": \"spring\", \"input\": \"Crocuses push through the last of the snow.\"}, {\"output\": \"winter\", \"input\": \"The lake has frozen over, and it is dark by half past four.\"}]}"}, {"role": "user", "content": "Task: Prime or composite: decide for the given whole number.\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"output\": \"composite\", \"input\": \"91\"}, {\"output\": \"prime\", \"input\": \"97\"}]}"}, {"role": "user", "content": "Task: To which family of the orchestra does the instrument belong: strings, woodwind, brass or percussion?\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"output\": \"woodwind\", \"input\": \"oboe\"}, {\"output\": \"brass\", \"input\": \"French horn\"}, {\"output\": \"percussion\", \"input\": \"timpani\"}]}"}, {"role": "user", "content": "Task: Detect what a bank''s customer wants: block a card, check a balance, or speak to a person.\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"output\": \"block a card\", \"input\": \"My purse has been stolen, please hurry!\"}, {\"output\": \"speak to a person\", \"input\": \"Enough buttons. Isn''t there anyone real?\"}, {\"output\": \"check a balance\", \"input\": \"Has my salary arrived, and how much have I got now?\"}]}"}, {"role": "user", "content": "Task: What is the diner''s remark chiefly about: food, service or price?\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"output\": \"price\", \"input\": \"Twenty-two euros for a salad made me swallow hard.\"}, {\"output\": \"service\", \"input\": \"Our waiter remembered my daughter''s name from last year.\"}]}"}, {"role": "user", "content": "Task: Will evaluating this Python expression raise an exception? Reply True or False.\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"output\": \"True\", \"input\": \"int(\\\"7.5\\\")\"}, {\"output\": \"False\", \"input\": \"[1, 2, 3][5:]\"}]}"}, {"role": "user", "content": "Task: Assign the rock to its kind: igneous, sedimentary or metamorphic.\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"output\": \"metamorphic\", \"input\": \"marble\"}, {\"output\": \"igneous\", \"input\": \"granite\"}, {\"output\": \"sedimentary\", \"input\": \"sandstone\"}]}"}, {"role": "user", "content": "Task: Compare the leaflet with the diary. Was the medicine taken as prescribed? Label it followed or not followed.\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"output\": \"not followed\", \"input\": \"Leaflet: one tablet each morning for five days.\\nDiary: Mon 1, Tue 1, Wed 0, Thu 2, Fri 1.\"}, {\"output\": \"followed\", \"input\": \"Leaflet: two drops at night for three days.\\nDiary: Mon 2, Tue 2, Wed 2.\"}]}"}, {"role": "user", "content": "Task: Solve the quiz question and give the letter of the right option.\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"output\": \"B\", \"input\": \"Which planet has the shortest year?\\nA) Venus\\nB) Mercury\\nC) Mars\"}, {\"output\": \"C\", \"input\": \"Which of these is not a mammal?\\nA) bat\\nB) dolphin\\nC) penguin\"}, {\"output\": \"A\", \"input\": \"What does a barometer measure?\\nA) air pressure\\nB) humidity\\nC) wind speed\"}]}"}, {"role": "user", "content": "Task: Where does the reader''s letter stand on the new tram line: for, against or undecided?\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"output\": \"for\", \"input\": \"Thirty years of buses stuck in traffic are enough. Lay the rails!\"}, {\"output\": \"undecided\", \"input\": \"I like trams, but I''d want to see the cost before I make up my mind.\"}, {\"output\": \"against\", \"input\": \"They''ll fell every lime tree in the avenue, and for what?\"}]}"}, {"role": "user", "content": "Task: Is the sentence in the first, second or third person?\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"output\": \"third\", \"input\": \"They never lock the gate.\"}, {\"output\": \"first\", \"input\": \"We keep bees.\"}, {\"output\": \"second\", \"input\": \"You left your umbrella here.\"}]}"}, {"role": "user", "content": "Task: The rule: above two metres a harness must be worn. Does the site note record a violation? Yes or no.\n\nWrite up to 3 examples."}, {"role": "assistant", "content": "{\"instances\": [{\"output\": \"no\", \"input\": \"Painter at 1.5 m on a stepladder, no harness.\"}, {\"output\": \"yes\", \"input\": \"Roofer at 6 m, harness hanging on the scaffold.\"}]}"}]');
CREATE TABLE rejections (
	id INTEGER NOT NULL, 
	run_id VARCHAR(40) NOT NULL, 
	stage VARCHAR(20) NOT NULL, 
	text TEXT NOT NULL, 
	reason VARCHAR(40) NOT NULL, 
	sequence INTEGER, 
	neighbour JSON, 
	completion_id BIGINT, 
	created_at FLOAT DEFAULT ((julianday('now') - 2440587.5) * 86400.0) NOT NULL, 
	CONSTRAINT pk_rejections PRIMARY KEY (id), 
	CONSTRAINT fk_rejections_run_id FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "rejections" VALUES(1,'run_01a22d347a3381aa523dfe','generate','Decide whether a message to a landlord about vanishing village fairs, handmade barometers and costly thunderstorms is singular or plural.','surplus',NULL,'null',7,1.79605474476198697089e+09);
INSERT INTO "rejections" VALUES(2,'run_01a22d347a3381aa523dfe','generate','Weigh a song in praise of costly sundials, costly ice houses and royal letters for a sceptical engineer.','surplus',NULL,'null',7,1.79605474476198697089e+09);
INSERT INTO "rejections" VALUES(3,'run_01a22d347a3381aa523dfe','generate','Write a limerick that begins in a bakery now.','surplus',NULL,'null',7,1.79605474476198697089e+09);
INSERT INTO "rejections" VALUES(4,'run_01a22d347a3381aa523dfe','generate','Decide whether a sentence in a travel guide about hollow rented rooms, secret ferry crossings and weathered snow ploughs is formal or casual.','surplus',NULL,'null',7,1.79605474476198697089e+09);
INSERT INTO "rejections" VALUES(5,'run_01a22d347a3381aa523dfe','generate','Justify the future of vanishing chess clubs, costly fish markets and rival garden sheds and give one example of it.','surplus',NULL,'null',7,1.79605474476198697089e+09);
INSERT INTO "rejections" VALUES(6,'run_01a22d347a3381aa523dfe','generate','Weigh a rumour about coastal candles, crooked door locks and forgotten otters for somebody new to the subject.','surplus',NULL,'null',7,1.79605474476198697089e+09);
INSERT INTO "rejections" VALUES(7,'run_01a22d347a3381aa523dfe','generate','Compose the language of imported letters, illegal cobblers and borrowed letters so that a tired reader enjoys it.','surplus',NULL,'null',7,1.79605474476198697089e+09);
INSERT INTO "rejections" VALUES(8,'run_01a22d347a3381aa523dfe','generate','Criticise a museum of costly shoe polish, striped rope bridges and miniature vineyards and end with a question.','surplus',NULL,'null',7,1.79605474476198697089e+09);
INSERT INTO "rejections" VALUES(9,'run_01a22d347a3381aa523dfe','instantiate','{"input": "The steps of a chemical titration, for a sceptical engineer, number 817.", "output": ""}','empty_output',7,'null',23,1.7960547453689842224e+09);
INSERT INTO "rejections" VALUES(10,'run_01a22d34821be18713f92a','generate','Rewrite a song in praise of handmade shoe polish, weathered drawbridges and weathered greenhouses for a child of seven.','surplus',NULL,'null',29,1.7960547462199954986e+09);
INSERT INTO "rejections" VALUES(11,'run_01a22d34821be18713f92a','generate','Justify the daily work of silent bicycle tyres, famous speeches and reluctant rented rooms so that a tired reader enjoys it.','surplus',NULL,'null',29,1.7960547462199954986e+09);
INSERT INTO "rejections" VALUES(12,'run_01a22d34821be18713f92a','generate','Justify a lecture on costly echoes, forgotten foxes and vanishing lentil soup for a visitor from abroad.','surplus',NULL,'null',29,1.7960547462199954986e+09);
INSERT INTO "rejections" VALUES(13,'run_01a22d34821be18713f92a','generate','Correct the history of lonely milk rounds, hollow glaciers and reluctant blacksmiths for a child of seven.','surplus',NULL,'null',29,1.7960547462199954986e+09);
INSERT INTO "rejections" VALUES(14,'run_01a22d34821be18713f92a','instantiate','{"input": "The sounds of an early market, as a letter to a friend, number 218.", "output": ""}','empty_output',3,'null',37,1.7960547485640182495e+09);
INSERT INTO "rejections" VALUES(15,'run_01a22d348ee5383ccafab4','generate','Decide whether a message to a landlord about vanishing village fairs, handmade barometers and costly thunderstorms is singular or plural.','surplus',NULL,'null',44,1.79605474953500485416e+09);
INSERT INTO "rejections" VALUES(16,'run_01a22d348ee5383ccafab4','generate','Weigh a song in praise of costly sundials, costly ice houses and royal letters for a sceptical engineer.','surplus',NULL,'null',44,1.79605474953500485416e+09);
INSERT INTO "rejections" VALUES(17,'run_01a22d348ee5383ccafab4','generate','Write a limerick that begins in a bakery now.','surplus',NULL,'null',44,1.79605474953500485416e+09);
INSERT INTO "rejections" VALUES(18,'run_01a22d348ee5383ccafab4','generate','Decide whether a sentence in a travel guide about hollow rented rooms, secret ferry crossings and weathered snow ploughs is formal or casual.','surplus',NULL,'null',44,1.79605474953500485416e+09);
INSERT INTO "rejections" VALUES(19,'run_01a22d348ee5383ccafab4','generate','Justify the future of vanishing chess clubs, costly fish markets and rival garden sheds and give one example of it.','surplus',NULL,'null',44,1.79605474953500485416e+09);
INSERT INTO "rejections" VALUES(20,'run_01a22d348ee5383ccafab4','generate','Weigh a rumour about coastal candles, crooked door locks and forgotten otters for somebody new to the subject.','surplus',NULL,'null',44,1.79605474953500485416e+09);
INSERT INTO "rejections" VALUES(21,'run_01a22d348ee5383ccafab4','generate','Compose the language of imported letters, illegal cobblers and borrowed letters so that a tired reader enjoys it.','surplus',NULL,'null',44,1.79605474953500485416e+09);
INSERT INTO "rejections" VALUES(22,'run_01a22d348ee5383ccafab4','generate','Criticise a museum of costly shoe polish, striped rope bridges and miniature vineyards and end with a question.','surplus',NULL,'null',44,1.79605474953500485416e+09);
CREATE TABLE run_events (
	id INTEGER NOT NULL, 
	run_id VARCHAR(40) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	data JSON NOT NULL, 
	at FLOAT DEFAULT ((julianday('now') - 2440587.5) * 86400.0) NOT NULL, 
	CONSTRAINT pk_run_events PRIMARY KEY (id), 
	CONSTRAINT fk_run_events_run_id FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "run_events" VALUES(1,'run_01a22d347a3381aa523dfe','status','{"status": "queued"}',1.79605474373298430439e+09);
INSERT INTO "run_events" VALUES(2,'run_01a22d347a3381aa523dfe','status','{"status": "running", "reason": null, "message": null}',1.79605474415000081062e+09);
INSERT INTO "run_events" VALUES(3,'run_01a22d347a3381aa523dfe','preflight','{"json_schema": true, "logprobs": true}',1.79605474417699718468e+09);
INSERT INTO "run_events" VALUES(4,'run_01a22d347a3381aa523dfe','calibrated','{"bias": -0.5000000000000002}',1.79605474460898041719e+09);
INSERT INTO "run_events" VALUES(5,'run_01a22d347a3381aa523dfe','status','{"status": "succeeded", "reason": "target_met", "message": null}',1.79605474540998196605e+09);
INSERT INTO "run_events" VALUES(6,'run_01a22d34821be18713f92a','status','{"status": "queued"}',1.79605474563001680371e+09);
INSERT INTO "run_events" VALUES(7,'run_01a22d34821be18713f92a','status','{"status": "running", "reason": null, "message": null}',1.79605474589100933078e+09);
INSERT INTO "run_events" VALUES(8,'run_01a22d34821be18713f92a','preflight','{"json_schema": true, "logprobs": true}',1.79605474589201498034e+09);
INSERT INTO "run_events" VALUES(9,'run_01a22d34821be18713f92a','calibrated','{"bias": -0.5000000000000002}',1.79605474617400908471e+09);
INSERT INTO "run_events" VALUES(10,'run_01a22d34821be18713f92a','batch','{"batch": "batch_01a22d3484a9e322707efe", "stage": "classify", "state": "submitted", "requests": 4}',1.79605474678201222421e+09);
INSERT INTO "run_events" VALUES(11,'run_01a22d34821be18713f92a','batch','{"batch": "batch_01a22d3484a9e322707efe", "stage": "classify", "state": "collected", "requests": 4, "answered": 4, "missing": 0}',1.79605474736901378624e+09);
INSERT INTO "run_events" VALUES(12,'run_01a22d34821be18713f92a','batch','{"batch": "batch_01a22d3489af0b1f998b93", "stage": "instantiate", "state": "submitted", "requests": 4}',1.79605474801801443104e+09);
INSERT INTO "run_events" VALUES(13,'run_01a22d34821be18713f92a','batch','{"batch": "batch_01a22d3489af0b1f998b93", "stage": "instantiate", "state": "collected", "requests": 4, "answered": 4, "missing": 0}',1.79605474857801938057e+09);
INSERT INTO "run_events" VALUES(14,'run_01a22d34821be18713f92a','status','{"status": "succeeded", "reason": "target_met", "message": null}',1.79605474873601484299e+09);
INSERT INTO "run_events" VALUES(15,'run_01a22d348ee5383ccafab4','status','{"status": "queued"}',1.79605474892000102995e+09);
INSERT INTO "run_events" VALUES(16,'run_01a22d348ee5383ccafab4','status','{"status": "running", "reason": null, "message": null}',1.79605474907900238036e+09);
INSERT INTO "run_events" VALUES(17,'run_01a22d348ee5383ccafab4','preflight','{"json_schema": true, "logprobs": true}',1.79605474908898019785e+09);
INSERT INTO "run_events" VALUES(18,'run_01a22d348ee5383ccafab4','calibrated','{"bias": -0.5000000000000002}',1.79605474939398765564e+09);
INSERT INTO "run_events" VALUES(19,'run_01a22d348ee5383ccafab4','status','{"status": "paused", "reason": "asked", "message": null}',1.79605475019398331637e+09);
CREATE TABLE run_slots (
	run_id VARCHAR(40) NOT NULL, 
	slot INTEGER NOT NULL, 
	token VARCHAR(40), 
	leased_until FLOAT, 
	nudged_at FLOAT, 
	CONSTRAINT pk_run_slots PRIMARY KEY (run_id, slot), 
	CONSTRAINT fk_run_slots_run_id FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "run_slots" VALUES('run_01a22d347a3381aa523dfe',0,NULL,NULL,NULL);
INSERT INTO "run_slots" VALUES('run_01a22d347a3381aa523dfe',1,NULL,NULL,NULL);
INSERT INTO "run_slots" VALUES('run_01a22d347a3381aa523dfe',2,NULL,NULL,NULL);
INSERT INTO "run_slots" VALUES('run_01a22d347a3381aa523dfe',3,NULL,NULL,NULL);
INSERT INTO "run_slots" VALUES('run_01a22d34821be18713f92a',0,NULL,NULL,NULL);
INSERT INTO "run_slots" VALUES('run_01a22d34821be18713f92a',1,NULL,NULL,NULL);
INSERT INTO "run_slots" VALUES('run_01a22d34821be18713f92a',2,NULL,NULL,NULL);
INSERT INTO "run_slots" VALUES('run_01a22d34821be18713f92a',3,NULL,NULL,NULL);
INSERT INTO "run_slots" VALUES('run_01a22d348ee5383ccafab4',0,NULL,NULL,NULL);
INSERT INTO "run_slots" VALUES('run_01a22d348ee5383ccafab4',1,NULL,NULL,NULL);
INSERT INTO "run_slots" VALUES('run_01a22d348ee5383ccafab4',2,NULL,NULL,NULL);
INSERT INTO "run_slots" VALUES('run_01a22d348ee5383ccafab4',3,NULL,NULL,NULL);
CREATE TABLE "runs" (
	id VARCHAR(40) NOT NULL, 
	seed_set_id VARCHAR(40), 
	profile VARCHAR(20) NOT NULL, 
	model TEXT NOT NULL, 
	options JSON NOT NULL, 
	capabilities JSON, 
	status VARCHAR(20) NOT NULL, 
	end_reason VARCHAR(20), 
	message TEXT, 
	accepted INTEGER DEFAULT 0 NOT NULL, 
	tickets_issued INTEGER DEFAULT 0 NOT NULL, 
	tickets_admitted INTEGER DEFAULT 0 NOT NULL, 
	barren_tickets INTEGER DEFAULT 0 NOT NULL, 
	complete_at_resume INTEGER DEFAULT 0 NOT NULL, 
	classification_bias DOUBLE, 
	idempotency_key VARCHAR(255), 
	request_sha256 VARCHAR(64), 
	created_at FLOAT DEFAULT ((julianday('now') - 2440587.5) * 86400.0) NOT NULL, 
	started_at FLOAT, 
	ended_at FLOAT, 
	complete INTEGER DEFAULT 0 NOT NULL, 
	instances INTEGER DEFAULT 0 NOT NULL, 
	calls INTEGER DEFAULT 0 NOT NULL, 
	prompt_tokens BIGINT DEFAULT 0 NOT NULL, 
	completion_tokens BIGINT DEFAULT 0 NOT NULL, 
	written_off_calls INTEGER DEFAULT 0 NOT NULL, 
	written_off_tokens BIGINT DEFAULT 0 NOT NULL, 
	written_off_usd BIGINT DEFAULT 0 NOT NULL, 
	cost_usd BIGINT, 
	max_calls INTEGER, 
	max_tokens BIGINT, 
	max_cost_usd BIGINT, 
	served_at FLOAT, 
	batch_stages JSON DEFAULT '[]' NOT NULL, 
	rests_until FLOAT, 
	dataset_id VARCHAR(40), 
	rows_to_review INTEGER, 
	CONSTRAINT pk_runs PRIMARY KEY (id), 
	CONSTRAINT fk_runs_seed_set_id FOREIGN KEY(seed_set_id) REFERENCES seed_sets (id), 
	CONSTRAINT uq_runs_idempotency_key UNIQUE (idempotency_key), 
	CONSTRAINT fk_runs_dataset_id FOREIGN KEY(dataset_id) REFERENCES datasets (id), 
	CONSTRAINT ck_runs_one_source CHECK ((seed_set_id IS NULL) <> (dataset_id IS NULL))
);
INSERT INTO "runs" VALUES('run_01a22d347a3381aa523dfe','seeds_01a22d347a641c19b1ebda','default','scripted','{"profile": "default", "model": null, "target": 8, "instances_per_instruction": 3, "tasks_per_request": 8, "demonstrations": {"seeds": null, "machine_made": null}, "sampling": {"generate": {"temperature": null, "top_p": null, "max_tokens": null, "presence_penalty": null, "frequency_penalty": null}, "classify": {"temperature": null, "top_p": null, "max_tokens": null, "presence_penalty": null, "frequency_penalty": null}, "input_first": {"temperature": null, "top_p": null, "max_tokens": null, "presence_penalty": null, "frequency_penalty": null}, "output_first": {"temperature": null, "top_p": null, "max_tokens": null, "presence_penalty": null, "frequency_penalty": null}, "review": {"temperature": null, "top_p": null, "max_tokens": null, "presence_penalty": null, "frequency_penalty": null}}, "classification_share": null, "language": null, "answer_format": "auto", "random_seed": 4, "lookahead": 8, "similarity_threshold": 0.7, "tokenizer": null, "nothing_near": [], "filters": [], "max_attempts": 3, "dry_after": 20, "workers": 4, "reuse_replies": false, "batch": "off", "review": {"rubric": null, "threshold": 4}}','{"json_schema": true, "logprobs": true}','succeeded','target_met',NULL,8,2,2,1,0,-5.00000000000000222044e-01,NULL,'469f6e0c7abef4286075188ff6e0238aa7b46bc121c5087e671b0787b80cddef',1.79605474371701192854e+09,1.79605474414899492262e+09,1.79605474540901637083e+09,8,18,23,12486,741,0,0,0,7725000000,NULL,NULL,NULL,1.79605474557501816751e+09,'[]',NULL,NULL,NULL);
INSERT INTO "runs" VALUES('run_01a22d34821be18713f92a','seeds_01a22d347a641c19b1ebda','default','scripted','{"profile": "default", "model": null, "target": 4, "instances_per_instruction": 3, "tasks_per_request": 8, "demonstrations": {"seeds": null, "machine_made": null}, "sampling": {"generate": {"temperature": null, "top_p": null, "max_tokens": null, "presence_penalty": null, "frequency_penalty": null}, "classify": {"temperature": null, "top_p": null, "max_tokens": null, "presence_penalty": null, "frequency_penalty": null}, "input_first": {"temperature": null, "top_p": null, "max_tokens": null, "presence_penalty": null, "frequency_penalty": null}, "output_first": {"temperature": null, "top_p": null, "max_tokens": null, "presence_penalty": null, "frequency_penalty": null}, "review": {"temperature": null, "top_p": null, "max_tokens": null, "presence_penalty": null, "frequency_penalty": null}}, "classification_share": null, "language": null, "answer_format": "auto", "random_seed": 5, "lookahead": 8, "similarity_threshold": 0.7, "tokenizer": null, "nothing_near": [], "filters": [], "max_attempts": 3, "dry_after": 20, "workers": 4, "reuse_replies": false, "batch": "later_stages", "review": {"rubric": null, "threshold": 4}}','{"json_schema": true, "logprobs": true}','succeeded','target_met',NULL,4,1,1,0,0,-5.00000000000000222044e-01,NULL,'52e5575e41058725387f3ebe28543b2e116977c01eebfbe833feffb3ed5c26b0',1.79605474562901115415e+09,1.79605474588199710847e+09,1.79605474873601484299e+09,4,4,14,7060,279,0,0,0,2641500000,NULL,NULL,NULL,1.79605474886999130247e+09,'["classify", "instantiate"]',NULL,NULL,NULL);
INSERT INTO "runs" VALUES('run_01a22d348ee5383ccafab4','seeds_01a22d347a641c19b1ebda','default','scripted','{"profile": "default", "model": null, "target": 8, "instances_per_instruction": 3, "tasks_per_request": 8, "demonstrations": {"seeds": null, "machine_made": null}, "sampling": {"generate": {"temperature": null, "top_p": null, "max_tokens": null, "presence_penalty": null, "frequency_penalty": null}, "classify": {"temperature": null, "top_p": null, "max_tokens": null, "presence_penalty": null, "frequency_penalty": null}, "input_first": {"temperature": null, "top_p": null, "max_tokens": null, "presence_penalty": null, "frequency_penalty": null}, "output_first": {"temperature": null, "top_p": null, "max_tokens": null, "presence_penalty": null, "frequency_penalty": null}, "review": {"temperature": null, "top_p": null, "max_tokens": null, "presence_penalty": null, "frequency_penalty": null}}, "classification_share": null, "language": null, "answer_format": "auto", "random_seed": 4, "lookahead": 8, "similarity_threshold": 0.7, "tokenizer": null, "nothing_near": [], "filters": [], "max_attempts": 3, "dry_after": 20, "workers": 4, "reuse_replies": false, "batch": "off", "review": {"rubric": null, "threshold": 4}}','{"json_schema": true, "logprobs": true}','paused','asked',NULL,8,2,2,1,0,-5.00000000000000222044e-01,NULL,'469f6e0c7abef4286075188ff6e0238aa7b46bc121c5087e671b0787b80cddef',1.79605474890201687815e+09,1.7960547490779967308e+09,NULL,4,10,19,9358,539,2,7691,3857500000,5757000000,NULL,NULL,NULL,1.79605475014200210567e+09,'[]',NULL,NULL,NULL);
CREATE TABLE seed_sets (
	id VARCHAR(40) NOT NULL, 
	name TEXT NOT NULL, 
	content_sha256 VARCHAR(64) NOT NULL, 
	task_count INTEGER NOT NULL, 
	classification_count INTEGER NOT NULL, 
	created_at FLOAT DEFAULT ((julianday('now') - 2440587.5) * 86400.0) NOT NULL, licence VARCHAR(100), 
	CONSTRAINT pk_seed_sets PRIMARY KEY (id), 
	CONSTRAINT uq_seed_sets_content_sha256 UNIQUE (content_sha256)
);
INSERT INTO "seed_sets" VALUES('seeds_01a22d347a641c19b1ebda','10 seed tasks','e476b3b75bf262f713d02b0b21e0ac776abddd55429ce728592940bfe8e493c0',10,1,1.79605474368301486968e+09,NULL);
CREATE TABLE seed_tasks (
	seed_set_id VARCHAR(40) NOT NULL, 
	position INTEGER NOT NULL, 
	external_id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	instruction TEXT NOT NULL, 
	instances JSON NOT NULL, 
	is_classification BOOLEAN NOT NULL, 
	CONSTRAINT pk_seed_tasks PRIMARY KEY (seed_set_id, position), 
	CONSTRAINT fk_seed_tasks_seed_set_id FOREIGN KEY(seed_set_id) REFERENCES seed_sets (id)
);
INSERT INTO "seed_tasks" VALUES('seeds_01a22d347a641c19b1ebda',0,'seed_0','seed_0','Say whether a given animal is a mammal, a bird or a fish.','[{"input": "", "output": "An answer."}]',1);
INSERT INTO "seed_tasks" VALUES('seeds_01a22d347a641c19b1ebda',1,'seed_1','seed_1','Work out how long a train takes for two hundred kilometres.','[{"input": "", "output": "An answer."}]',0);
INSERT INTO "seed_tasks" VALUES('seeds_01a22d347a641c19b1ebda',2,'seed_2','seed_2','Write a limerick that begins in a bakery.','[{"input": "", "output": "An answer."}]',0);
INSERT INTO "seed_tasks" VALUES('seeds_01a22d347a641c19b1ebda',3,'seed_3','seed_3','Give three reasons to learn a second language late in life.','[{"input": "", "output": "An answer."}]',0);
INSERT INTO "seed_tasks" VALUES('seeds_01a22d347a641c19b1ebda',4,'seed_4','seed_4','Turn the list of ingredients into a shopping list by shelf.','[{"input": "", "output": "An answer."}]',0);
INSERT INTO "seed_tasks" VALUES('seeds_01a22d347a641c19b1ebda',5,'seed_5','seed_5','What happens to a candle in a sealed jar, and why?','[{"input": "", "output": "An answer."}]',0);
INSERT INTO "seed_tasks" VALUES('seeds_01a22d347a641c19b1ebda',6,'seed_6','seed_6','Point out the weakest step in an argument about tides.','[{"input": "", "output": "An answer."}]',0);
INSERT INTO "seed_tasks" VALUES('seeds_01a22d347a641c19b1ebda',7,'seed_7','seed_7','Invent a name and a slogan for a shop that mends kettles.','[{"input": "", "output": "An answer."}]',0);
INSERT INTO "seed_tasks" VALUES('seeds_01a22d347a641c19b1ebda',8,'seed_8','seed_8','Describe an afternoon on a harbour wall from a gull''s point of view.','[{"input": "", "output": "An answer."}]',0);
INSERT INTO "seed_tasks" VALUES('seeds_01a22d347a641c19b1ebda',9,'seed_9','seed_9','Convert a recipe from cups and spoons into grams.','[{"input": "", "output": "An answer."}]',0);
CREATE TABLE training_events (
	id INTEGER NOT NULL, 
	job_id VARCHAR(40) NOT NULL, 
	kind VARCHAR(40) NOT NULL, 
	data JSON NOT NULL, 
	at FLOAT DEFAULT ((julianday('now') - 2440587.5) * 86400.0) NOT NULL, 
	CONSTRAINT pk_training_events PRIMARY KEY (id), 
	CONSTRAINT fk_training_events_job_id FOREIGN KEY(job_id) REFERENCES training_jobs (id)
);
INSERT INTO "training_events" VALUES(1,'training_01a22d34959fee14650b25','status','{"status": "queued"}',1.79605475064000797268e+09);
INSERT INTO "training_events" VALUES(2,'training_01a22d34959fee14650b25','status','{"status": "running", "message": null}',1.79605475069001770021e+09);
INSERT INTO "training_events" VALUES(3,'training_01a22d34959fee14650b25','step','{"step": 1, "steps": 6, "loss": 1.0, "learning_rate": 0.0001}',1.7960547508589968681e+09);
INSERT INTO "training_events" VALUES(4,'training_01a22d34959fee14650b25','step','{"step": 2, "steps": 6, "loss": 0.5, "learning_rate": 0.0001}',1.79605475086000251775e+09);
INSERT INTO "training_events" VALUES(5,'training_01a22d34959fee14650b25','step','{"step": 3, "steps": 6, "loss": 0.3333333333333333, "learning_rate": 0.0001}',1.79605475086000251775e+09);
INSERT INTO "training_events" VALUES(6,'training_01a22d34959fee14650b25','step','{"step": 4, "steps": 6, "loss": 0.25, "learning_rate": 0.0001}',1.79605475086000251775e+09);
INSERT INTO "training_events" VALUES(7,'training_01a22d34959fee14650b25','step','{"step": 5, "steps": 6, "loss": 0.2, "learning_rate": 0.0001}',1.79605475086000251775e+09);
INSERT INTO "training_events" VALUES(8,'training_01a22d34959fee14650b25','step','{"step": 6, "steps": 6, "loss": 0.16666666666666666, "learning_rate": 0.0001}',1.79605475086000251775e+09);
INSERT INTO "training_events" VALUES(9,'training_01a22d34959fee14650b25','status','{"status": "succeeded", "message": null}',1.79605475090200614931e+09);
INSERT INTO "training_events" VALUES(10,'training_01a22d3496bc90408c1f10','status','{"status": "queued"}',1.79605475090900659554e+09);
INSERT INTO "training_events" VALUES(11,'training_01a22d3496bc90408c1f10','status','{"status": "running", "message": null}',1.7960547509160070419e+09);
INSERT INTO "training_events" VALUES(12,'training_01a22d3496bc90408c1f10','step','{"step": 1, "steps": 6, "loss": 1.0, "learning_rate": 0.0001}',1796054750.93202);
INSERT INTO "training_events" VALUES(13,'training_01a22d3496bc90408c1f10','step','{"step": 2, "steps": 6, "loss": 0.5, "learning_rate": 0.0001}',1796054750.93202);
INSERT INTO "training_events" VALUES(14,'training_01a22d3496bc90408c1f10','step','{"step": 3, "steps": 6, "loss": 0.3333333333333333, "learning_rate": 0.0001}',1796054750.93202);
INSERT INTO "training_events" VALUES(15,'training_01a22d3496bc90408c1f10','status','{"status": "queued", "message": null}',1.79605475093600296977e+09);
CREATE TABLE training_jobs (
	id VARCHAR(40) NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	dataset_id VARCHAR(40), 
	run_id VARCHAR(40), 
	wanted_dataset JSON, 
	making VARCHAR(40), 
	options JSON NOT NULL, 
	status VARCHAR(20) NOT NULL, 
	message TEXT, 
	step INTEGER DEFAULT 0 NOT NULL, 
	steps INTEGER, 
	loss DOUBLE, 
	learning_rate DOUBLE, 
	log_tail TEXT DEFAULT '' NOT NULL, 
	evaluation JSON, 
	attempts INTEGER DEFAULT 0 NOT NULL, 
	farthest_step INTEGER DEFAULT 0 NOT NULL, 
	news INTEGER DEFAULT 0 NOT NULL, 
	token VARCHAR(40), 
	leased_until FLOAT, 
	nudged_at FLOAT, 
	idempotency_key VARCHAR(255), 
	request_sha256 VARCHAR(64) NOT NULL, 
	created_at FLOAT DEFAULT ((julianday('now') - 2440587.5) * 86400.0) NOT NULL, 
	started_at FLOAT, 
	ended_at FLOAT, 
	CONSTRAINT pk_training_jobs PRIMARY KEY (id), 
	CONSTRAINT fk_training_jobs_dataset_id FOREIGN KEY(dataset_id) REFERENCES datasets (id), 
	CONSTRAINT fk_training_jobs_run_id FOREIGN KEY(run_id) REFERENCES runs (id), 
	CONSTRAINT uq_training_jobs_idempotency_key UNIQUE (idempotency_key)
);
INSERT INTO "training_jobs" VALUES('training_01a22d34959fee14650b25','training','dataset_01a22d34941197bc90f343',NULL,NULL,NULL,'{"where": "here", "base_model": "tiny", "task": "answers", "review_run_id": null, "method": {"name": "lora", "rank": null, "initial_rank": 12, "alpha": 16.0, "dropout": 0.05, "targets": null, "virtual_tokens": 20}, "data": {"template": "alpaca", "max_tokens": 512, "packing": false, "replay_share": 0.0, "replay_dataset_id": null}, "schedule": {"epochs": 3.0, "steps": null, "batch": 16, "micro_batch": 4, "recompute": null, "learning_rate": null, "shape": "cosine", "warmup_share": 0.03, "weight_decay": 0.0, "most_gradient": 1.0, "checkpoint_every": 50}, "evaluation": {"held_out_share": 0.1, "held_out_dataset_id": null, "tasks": 100, "answer_tokens": 128, "rouge_stemmer": false, "general_dataset_id": null, "general_tasks": 100, "judge": null}, "outputs": {"merged": false, "gguf": true}, "seed": 0}','succeeded',NULL,6,6,1.66666666666666657414e-01,0.0001,'begins at 0 with {''where'': ''here'', ''base_model'': ''tiny'', ''task'': ''answers'', ''review_run_id'': None, ''method'': {''name'': ''lora'', ''rank'': None, ''initial_rank'': 12, ''alpha'': 16.0, ''dropout'': 0.05, ''targets'': None, ''virtual_tokens'': 20}, ''data'': {''template'': ''alpaca'', ''max_tokens'': 512, ''packing'': False, ''replay_share'': 0.0, ''replay_dataset_id'': None}, ''schedule'': {''epochs'': 3.0, ''steps'': None, ''batch'': 16, ''micro_batch'': 4, ''recompute'': None, ''learning_rate'': None, ''shape'': ''cosine'', ''warmup_share'': 0.03, ''weight_decay'': 0.0, ''most_gradient'': 1.0, ''checkpoint_every'': 50}, ''evaluation'': {''held_out_share'': 0.1, ''held_out_dataset_id'': None, ''tasks'': 100, ''answer_tokens'': 128, ''rouge_stemmer'': False, ''general_dataset_id'': None, ''general_tasks'': 100, ''judge'': None}, ''outputs'': {''merged'': False, ''gguf'': True}, ''seed'': 0}
','{"title": "grown, version 1", "made_at": "", "tasks": 3, "classification_tasks": 0, "drawing": {"level": 0.95, "resamples": 20, "seed": 0}, "models": [{"name": "x", "answered": 0, "unanswered": 3, "empty": 0, "cut_off": 0, "rouge": [{"tokenizer": "rouge", "tasks": 3, "unseen_references": 0, "rouge1": {"precision": {"value": 0.0, "low": null, "high": null, "method": null}, "recall": {"value": 0.0, "low": null, "high": null, "method": null}, "f": {"value": 0.0, "low": null, "high": null, "method": null}}, "rouge2": {"precision": {"value": 0.0, "low": null, "high": null, "method": null}, "recall": {"value": 0.0, "low": null, "high": null, "method": null}, "f": {"value": 0.0, "low": null, "high": null, "method": null}}, "rouge_l": {"precision": {"value": 0.0, "low": null, "high": null, "method": null}, "recall": {"value": 0.0, "low": null, "high": null, "method": null}, "f": {"value": 0.0, "low": null, "high": null, "method": null}}}, {"tokenizer": "unicode", "tasks": 3, "unseen_references": 0, "rouge1": {"precision": {"value": 0.0, "low": null, "high": null, "method": null}, "recall": {"value": 0.0, "low": null, "high": null, "method": null}, "f": {"value": 0.0, "low": null, "high": null, "method": null}}, "rouge2": {"precision": {"value": 0.0, "low": null, "high": null, "method": null}, "recall": {"value": 0.0, "low": null, "high": null, "method": null}, "f": {"value": 0.0, "low": null, "high": null, "method": null}}, "rouge_l": {"precision": {"value": 0.0, "low": null, "high": null, "method": null}, "recall": {"value": 0.0, "low": null, "high": null, "method": null}, "f": {"value": 0.0, "low": null, "high": null, "method": null}}}], "exact": {"tasks": 3, "right": 0, "share": {"value": 0.0, "low": 0.0, "high": 0.5614970317550454, "method": "wilson"}}, "exact_match": null, "perplexity": null}, {"name": "y", "answered": 3, "unanswered": 0, "empty": 0, "cut_off": 0, "rouge": [{"tokenizer": "rouge", "tasks": 3, "unseen_references": 0, "rouge1": {"precision": {"value": 1.0, "low": null, "high": null, "method": null}, "recall": {"value": 1.0, "low": null, "high": null, "method": null}, "f": {"value": 1.0, "low": null, "high": null, "method": null}}, "rouge2": {"precision": {"value": 1.0, "low": null, "high": null, "method": null}, "recall": {"value": 1.0, "low": null, "high": null, "method": null}, "f": {"value": 1.0, "low": null, "high": null, "method": null}}, "rouge_l": {"precision": {"value": 1.0, "low": null, "high": null, "method": null}, "recall": {"value": 1.0, "low": null, "high": null, "method": null}, "f": {"value": 1.0, "low": null, "high": null, "method": null}}}, {"tokenizer": "unicode", "tasks": 3, "unseen_references": 0, "rouge1": {"precision": {"value": 1.0, "low": null, "high": null, "method": null}, "recall": {"value": 1.0, "low": null, "high": null, "method": null}, "f": {"value": 1.0, "low": null, "high": null, "method": null}}, "rouge2": {"precision": {"value": 1.0, "low": null, "high": null, "method": null}, "recall": {"value": 1.0, "low": null, "high": null, "method": null}, "f": {"value": 1.0, "low": null, "high": null, "method": null}}, "rouge_l": {"precision": {"value": 1.0, "low": null, "high": null, "method": null}, "recall": {"value": 1.0, "low": null, "high": null, "method": null}, "f": {"value": 1.0, "low": null, "high": null, "method": null}}}], "exact": {"tasks": 3, "right": 3, "share": {"value": 1.0, "low": 0.4385029682449546, "high": 1.0, "method": "wilson"}}, "exact_match": null, "perplexity": null}], "comparisons": [{"metric": "exact match", "difference": {"value": 1.0, "low": -0.12299406351009087, "high": 1.0, "method": "tango"}, "better": 3, "worse": 0, "equal": 0, "p_value": 0.25, "p_corrected": 0.5}, {"metric": "ROUGE-1 F (rouge)", "difference": {"value": 1.0, "low": null, "high": null, "method": null}, "better": 3, "worse": 0, "equal": 0, "p_value": 0.25, "p_corrected": 0.5}, {"metric": "ROUGE-2 F (rouge)", "difference": {"value": 1.0, "low": null, "high": null, "method": null}, "better": 3, "worse": 0, "equal": 0, "p_value": 0.25, "p_corrected": 0.5}, {"metric": "ROUGE-L F (rouge)", "difference": {"value": 1.0, "low": null, "high": null, "method": null}, "better": 3, "worse": 0, "equal": 0, "p_value": 0.25, "p_corrected": 0.5}, {"metric": "ROUGE-1 F (unicode)", "difference": {"value": 1.0, "low": null, "high": null, "method": null}, "better": 3, "worse": 0, "equal": 0, "p_value": 0.25, "p_corrected": 0.5}, {"metric": "ROUGE-2 F (unicode)", "difference": {"value": 1.0, "low": null, "high": null, "method": null}, "better": 3, "worse": 0, "equal": 0, "p_value": 0.25, "p_corrected": 0.5}, {"metric": "ROUGE-L F (unicode)", "difference": {"value": 1.0, "low": null, "high": null, "method": null}, "better": 3, "worse": 0, "equal": 0, "p_value": 0.25, "p_corrected": 0.5}], "loss_of": "token", "loss_change": null, "judge": null, "review": null, "forgetting": null, "training": null, "better": [{"task_id": "0", "instruction": "List the etiquette of ancient cheese, noisy lighthouses and borrowed stained glass for a local newspaper.", "input": "", "reference": "A contract clause about rent, for a sceptical engineer, number 969.", "base": "", "tuned": "A contract clause about rent, for a sceptical engineer, number 969.", "metric": "ROUGE-L F", "base_score": 0.0, "tuned_score": 1.0}, {"task_id": "1", "instruction": "List the etiquette of ancient cheese, noisy lighthouses and borrowed stained glass for a local newspaper.", "input": "The plot of an invented novel, in the style of a sea captain, number 686.", "reference": "The causes of coastal erosion, so that a tired reader enjoys it, number 567.", "base": "", "tuned": "The causes of coastal erosion, so that a tired reader enjoys it, number 567.", "metric": "ROUGE-L F", "base_score": 0.0, "tuned_score": 1.0}, {"task_id": "2", "instruction": "List the etiquette of ancient cheese, noisy lighthouses and borrowed stained glass for a local newspaper.", "input": "A proof that the square root of two is irrational, using plain words only, number 346.", "reference": "A budget for a village fair, for somebody new to the subject, number 141.", "base": "", "tuned": "A budget for a village fair, for somebody new to the subject, number 141.", "metric": "ROUGE-L F", "base_score": 0.0, "tuned_score": 1.0}], "worse": [], "words": ["Answers that are exactly the reference rise from 0.0 % (0.0 to 56.1) to 100.0 % (43.9 to 100.0) of 3 held-out tasks: +100.0 points (-12.3 to +100.0); 3 became right, 0 became wrong; too few tasks differ to tell it from chance.", "ROUGE-L F goes from 0.000 to 1.000: +1.000; 3 tasks are better, 0 worse, 0 the same; too few tasks differ to tell it from chance.", "x left 3 of 3 unanswered: they count as empty answers.", "\"More than chance explains\" is said of a difference only if it still is after Holm''s correction for all 7 that were looked at."]}',1,6,1,NULL,NULL,NULL,'key-of-a-request','37f884af6287cdfe3ef1fb278b68b95418313cf5914cab8059f4914547199a2b',1.79605475062998986247e+09,1.79605475069001770021e+09,1.79605475090100026123e+09);
INSERT INTO "training_jobs" VALUES('training_01a22d3496bc90408c1f10','training','dataset_01a22d34941197bc90f343',NULL,NULL,NULL,'{"where": "here", "base_model": "tiny", "task": "answers", "review_run_id": null, "method": {"name": "lora", "rank": null, "initial_rank": 12, "alpha": 16.0, "dropout": 0.05, "targets": null, "virtual_tokens": 20}, "data": {"template": "alpaca", "max_tokens": 512, "packing": false, "replay_share": 0.0, "replay_dataset_id": null}, "schedule": {"epochs": 3.0, "steps": null, "batch": 16, "micro_batch": 4, "recompute": null, "learning_rate": null, "shape": "cosine", "warmup_share": 0.03, "weight_decay": 0.0, "most_gradient": 1.0, "checkpoint_every": 50}, "evaluation": {"held_out_share": 0.1, "held_out_dataset_id": null, "tasks": 100, "answer_tokens": 128, "rouge_stemmer": false, "general_dataset_id": null, "general_tasks": 100, "judge": null}, "outputs": {"merged": false, "gguf": true}, "seed": 0}','queued',NULL,3,6,3.33333333333333314829e-01,0.0001,'begins at 0 with {''where'': ''here'', ''base_model'': ''tiny'', ''task'': ''answers'', ''review_run_id'': None, ''method'': {''name'': ''lora'', ''rank'': None, ''initial_rank'': 12, ''alpha'': 16.0, ''dropout'': 0.05, ''targets'': None, ''virtual_tokens'': 20}, ''data'': {''template'': ''alpaca'', ''max_tokens'': 512, ''packing'': False, ''replay_share'': 0.0, ''replay_dataset_id'': None}, ''schedule'': {''epochs'': 3.0, ''steps'': None, ''batch'': 16, ''micro_batch'': 4, ''recompute'': None, ''learning_rate'': None, ''shape'': ''cosine'', ''warmup_share'': 0.03, ''weight_decay'': 0.0, ''most_gradient'': 1.0, ''checkpoint_every'': 50}, ''evaluation'': {''held_out_share'': 0.1, ''held_out_dataset_id'': None, ''tasks'': 100, ''answer_tokens'': 128, ''rouge_stemmer'': False, ''general_dataset_id'': None, ''general_tasks'': 100, ''judge'': None}, ''outputs'': {''merged'': False, ''gguf'': True}, ''seed'': 0}
',NULL,0,3,1,NULL,NULL,NULL,NULL,'37f884af6287cdfe3ef1fb278b68b95418313cf5914cab8059f4914547199a2b',1.79605475090900659554e+09,1.7960547509160070419e+09,NULL);
CREATE TABLE training_outputs (
	job_id VARCHAR(40) NOT NULL, 
	name VARCHAR(300) NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	CONSTRAINT pk_training_outputs PRIMARY KEY (job_id, name), 
	CONSTRAINT fk_training_outputs_job_id FOREIGN KEY(job_id) REFERENCES training_jobs (id)
);
INSERT INTO "training_outputs" VALUES('training_01a22d34959fee14650b25','adapter.json','040901f2019ec46dd166b48013b5878b6d52df5f3025d62e95ac383833dc6918',12);
CREATE TABLE training_reviews (
	job_id VARCHAR(40) NOT NULL, 
	reviewer VARCHAR(100) NOT NULL, 
	review JSON NOT NULL, 
	created_at FLOAT DEFAULT ((julianday('now') - 2440587.5) * 86400.0) NOT NULL, 
	CONSTRAINT pk_training_reviews PRIMARY KEY (job_id, reviewer), 
	CONSTRAINT fk_training_reviews_job_id FOREIGN KEY(job_id) REFERENCES training_jobs (id)
);
CREATE TABLE "work_items" (
	id INTEGER NOT NULL, 
	run_id VARCHAR(40) NOT NULL, 
	stage VARCHAR(20) NOT NULL, 
	priority INTEGER NOT NULL, 
	ordinal INTEGER NOT NULL, 
	subject JSON NOT NULL, 
	state VARCHAR(10) NOT NULL, 
	token VARCHAR(40), 
	attempts INTEGER DEFAULT 0 NOT NULL, 
	completion_id BIGINT, 
	trouble TEXT, 
	reserved_tokens BIGINT, 
	reserved_usd BIGINT, 
	by_batch BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_work_items PRIMARY KEY (id), 
	CONSTRAINT fk_work_items_run_id FOREIGN KEY(run_id) REFERENCES runs (id)
);
INSERT INTO "work_items" VALUES(1,'run_01a22d347a3381aa523dfe','calibrate',0,0,'{"instruction": "N/A"}','done',NULL,0,3,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(2,'run_01a22d347a3381aa523dfe','calibrate',0,1,'{"instruction": "[MASK]"}','done',NULL,0,4,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(3,'run_01a22d347a3381aa523dfe','calibrate',0,2,'{"instruction": "..."}','done',NULL,0,5,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(4,'run_01a22d347a3381aa523dfe','generate',3,0,'{"demonstrations": [{"origin": "seed", "position": 0}, {"origin": "seed", "position": 9}, {"origin": "seed", "position": 3}, {"origin": "seed", "position": 8}, {"origin": "seed", "position": 5}, {"origin": "seed", "position": 4}, {"origin": "seed", "position": 6}, {"origin": "seed", "position": 1}]}','done',NULL,0,6,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(5,'run_01a22d347a3381aa523dfe','generate',3,1,'{"demonstrations": [{"origin": "seed", "position": 8}, {"origin": "seed", "position": 9}, {"origin": "seed", "position": 6}, {"origin": "seed", "position": 1}, {"origin": "seed", "position": 3}, {"origin": "seed", "position": 4}, {"origin": "seed", "position": 7}, {"origin": "seed", "position": 2}]}','done',NULL,0,7,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(6,'run_01a22d347a3381aa523dfe','classify',2,0,'{}','done',NULL,0,8,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(7,'run_01a22d347a3381aa523dfe','classify',2,1,'{}','done',NULL,0,9,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(8,'run_01a22d347a3381aa523dfe','classify',2,2,'{}','done',NULL,0,10,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(9,'run_01a22d347a3381aa523dfe','classify',2,3,'{}','done',NULL,0,11,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(10,'run_01a22d347a3381aa523dfe','classify',2,4,'{}','done',NULL,0,12,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(11,'run_01a22d347a3381aa523dfe','classify',2,5,'{}','done',NULL,0,13,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(12,'run_01a22d347a3381aa523dfe','classify',2,6,'{}','done',NULL,0,15,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(13,'run_01a22d347a3381aa523dfe','classify',2,7,'{}','done',NULL,0,16,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(14,'run_01a22d347a3381aa523dfe','instantiate',1,0,'{}','done',NULL,0,14,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(15,'run_01a22d347a3381aa523dfe','instantiate',1,1,'{}','done',NULL,0,17,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(16,'run_01a22d347a3381aa523dfe','instantiate',1,2,'{}','done',NULL,0,18,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(17,'run_01a22d347a3381aa523dfe','instantiate',1,3,'{}','done',NULL,0,19,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(18,'run_01a22d347a3381aa523dfe','instantiate',1,4,'{}','done',NULL,0,20,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(19,'run_01a22d347a3381aa523dfe','instantiate',1,5,'{}','done',NULL,0,21,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(20,'run_01a22d347a3381aa523dfe','instantiate',1,6,'{}','done',NULL,0,22,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(21,'run_01a22d347a3381aa523dfe','instantiate',1,7,'{}','done',NULL,0,23,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(22,'run_01a22d34821be18713f92a','calibrate',0,0,'{"instruction": "N/A"}','done',NULL,0,26,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(23,'run_01a22d34821be18713f92a','calibrate',0,1,'{"instruction": "[MASK]"}','done',NULL,0,27,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(24,'run_01a22d34821be18713f92a','calibrate',0,2,'{"instruction": "..."}','done',NULL,0,28,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(25,'run_01a22d34821be18713f92a','generate',3,0,'{"demonstrations": [{"origin": "seed", "position": 0}, {"origin": "seed", "position": 4}, {"origin": "seed", "position": 7}, {"origin": "seed", "position": 2}, {"origin": "seed", "position": 1}, {"origin": "seed", "position": 5}, {"origin": "seed", "position": 3}, {"origin": "seed", "position": 8}]}','done',NULL,0,29,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(26,'run_01a22d34821be18713f92a','classify',2,0,'{}','done',NULL,0,30,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(27,'run_01a22d34821be18713f92a','classify',2,1,'{}','done',NULL,0,31,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(28,'run_01a22d34821be18713f92a','classify',2,2,'{}','done',NULL,0,32,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(29,'run_01a22d34821be18713f92a','classify',2,3,'{}','done',NULL,0,33,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(30,'run_01a22d34821be18713f92a','instantiate',1,0,'{}','done',NULL,0,34,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(31,'run_01a22d34821be18713f92a','instantiate',1,1,'{}','done',NULL,0,35,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(32,'run_01a22d34821be18713f92a','instantiate',1,2,'{}','done',NULL,0,36,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(33,'run_01a22d34821be18713f92a','instantiate',1,3,'{}','done',NULL,0,37,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(34,'run_01a22d348ee5383ccafab4','calibrate',0,0,'{"instruction": "N/A"}','done',NULL,0,40,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(35,'run_01a22d348ee5383ccafab4','calibrate',0,1,'{"instruction": "[MASK]"}','done',NULL,0,41,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(36,'run_01a22d348ee5383ccafab4','calibrate',0,2,'{"instruction": "..."}','done',NULL,0,42,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(37,'run_01a22d348ee5383ccafab4','generate',3,0,'{"demonstrations": [{"origin": "seed", "position": 0}, {"origin": "seed", "position": 9}, {"origin": "seed", "position": 3}, {"origin": "seed", "position": 8}, {"origin": "seed", "position": 5}, {"origin": "seed", "position": 4}, {"origin": "seed", "position": 6}, {"origin": "seed", "position": 1}]}','done',NULL,0,43,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(38,'run_01a22d348ee5383ccafab4','generate',3,1,'{"demonstrations": [{"origin": "seed", "position": 8}, {"origin": "seed", "position": 9}, {"origin": "seed", "position": 6}, {"origin": "seed", "position": 1}, {"origin": "seed", "position": 3}, {"origin": "seed", "position": 4}, {"origin": "seed", "position": 7}, {"origin": "seed", "position": 2}]}','done',NULL,0,44,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(39,'run_01a22d348ee5383ccafab4','classify',2,0,'{}','done',NULL,0,45,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(40,'run_01a22d348ee5383ccafab4','classify',2,1,'{}','done',NULL,0,46,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(41,'run_01a22d348ee5383ccafab4','classify',2,2,'{}','done',NULL,0,49,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(42,'run_01a22d348ee5383ccafab4','classify',2,3,'{}','done',NULL,0,50,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(43,'run_01a22d348ee5383ccafab4','classify',2,4,'{}','done',NULL,0,51,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(44,'run_01a22d348ee5383ccafab4','classify',2,5,'{}','done',NULL,0,52,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(45,'run_01a22d348ee5383ccafab4','classify',2,6,'{}','done',NULL,0,53,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(46,'run_01a22d348ee5383ccafab4','classify',2,7,'{}','done',NULL,0,54,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(47,'run_01a22d348ee5383ccafab4','instantiate',1,0,'{}','done',NULL,0,47,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(48,'run_01a22d348ee5383ccafab4','instantiate',1,1,'{}','done',NULL,0,48,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(49,'run_01a22d348ee5383ccafab4','instantiate',1,2,'{}','done',NULL,0,55,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(50,'run_01a22d348ee5383ccafab4','instantiate',1,3,'{}','done',NULL,0,56,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(51,'run_01a22d348ee5383ccafab4','instantiate',1,4,'{}','open',NULL,0,NULL,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(52,'run_01a22d348ee5383ccafab4','instantiate',1,5,'{}','open',NULL,0,NULL,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(53,'run_01a22d348ee5383ccafab4','instantiate',1,6,'{}','open',NULL,0,NULL,NULL,NULL,NULL,0);
INSERT INTO "work_items" VALUES(54,'run_01a22d348ee5383ccafab4','instantiate',1,7,'{}','open',NULL,0,NULL,NULL,NULL,NULL,0);
CREATE INDEX ix_instructions_run_id_is_complete ON instructions (run_id, is_complete);
CREATE INDEX ix_rejections_run_id_id ON rejections (run_id, id);
CREATE INDEX ix_rejections_run_id_stage_reason ON rejections (run_id, stage, reason);
CREATE INDEX ix_run_events_run_id_id ON run_events (run_id, id);
CREATE INDEX ix_completions_run_id_id ON completions (run_id, id);
CREATE INDEX ix_completions_work_item_id ON completions (work_item_id);
CREATE INDEX ix_completions_request_sha256 ON completions (request_sha256) WHERE request_sha256 IS NOT NULL;
CREATE INDEX ix_batches_run_id_id ON batches (run_id, id);
CREATE INDEX ix_work_items_run_id_stage_ordinal ON work_items (run_id, stage, ordinal);
CREATE INDEX ix_work_items_run_id_stage_state ON work_items (run_id, stage, state);
CREATE INDEX ix_work_items_open ON work_items (run_id, priority, id) WHERE state = 'open' AND by_batch = 0;
CREATE INDEX ix_work_items_by_batch ON work_items (run_id, stage, id) WHERE state = 'open' AND by_batch = 1;
CREATE INDEX ix_datasets_unfinished ON datasets (id) WHERE state IN ('queued', 'making');
CREATE INDEX ix_dataset_drops_dataset_id_id ON dataset_drops (dataset_id, id);
CREATE INDEX ix_dataset_drops_dataset_id_filter_reason ON dataset_drops (dataset_id, filter, reason);
CREATE INDEX ix_runs_seed_set_id ON runs (seed_set_id);
CREATE INDEX ix_runs_status ON runs (status);
CREATE INDEX ix_runs_dataset_id ON runs (dataset_id);
CREATE INDEX ix_training_jobs_dataset_id ON training_jobs (dataset_id);
CREATE INDEX ix_training_jobs_run_id ON training_jobs (run_id);
CREATE INDEX ix_training_jobs_status ON training_jobs (status);
CREATE INDEX ix_training_jobs_open ON training_jobs (id) WHERE status IN ('queued', 'running', 'cancelling');
CREATE INDEX ix_training_events_job_id_id ON training_events (job_id, id);
COMMIT;
