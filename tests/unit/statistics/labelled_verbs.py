"""Instructions labelled by hand with their root verb and its direct object, as a reader sees them.

A ``-`` stands for: no noun is its object, or no verb is asked for. A case that the rules get wrong
stays as it is.
"""

LABELLED: list[tuple[str, str, str]] = [
    (text.strip(), verb, noun)
    for text, verb, noun in (
        line.rsplit(" = ", 1)[:1] + line.rsplit(" = ", 1)[1].split()
        for line in """
Write a short story about a lighthouse keeper. = write story
Give me five tips for sleeping better. = give tip
Give the reader three reasons to vote. = give reason
Please translate the sentence below into Welsh. = translate sentence
Can you suggest a name for my bakery? = suggest name
Could you please explain the rules of curling? = explain rule
How do you make a paper boat? = make boat
How can I remove rust from a bicycle chain? = remove rust
What is the capital of Peru? = - -
Why is the sky blue? = - -
Who invented the zip? = - -
Is seven a prime number? = - -
List the planets in order of size. = list planet
List 10 uses for an empty jam jar. = list use
Name two rivers in France. = name river
Describe what a notary does. = describe -
Explain why bread rises. = explain -
Explain how to tie a bow tie. = explain -
Classify each animal as a mammal or a bird. = classify animal
Classify the following sentences by tense. = classify sentence
Sort these words alphabetically. = sort word
Rewrite the paragraph in plain English. = rewrite paragraph
Rewrite this in the passive voice. = rewrite -
Summarize the article in three bullet points. = summarize article
In two sentences, describe the smell of rain. = describe smell
Given a list of prices, find the cheapest item. = find item
Given the text, extract all dates. = extract date
Based on the review, rate the restaurant from 1 to 5. = rate restaurant
Using the table below, calculate the average temperature. = calculate temperature
If you could travel anywhere, write down three places. = write place
For each pair of words, choose the antonym. = choose antonym
Compose a polite email to a landlord. = compose email
Create a healthy and balanced dinner menu for a week. = create menu
Invent a short, funny slogan for a plumber. = invent slogan
Design a company's holiday card. = design card
Generate a 5-letter word that starts with K. = generate word
Write a function that reverses a string. = write function
Write a poem involving a fox. = write poem
Compare cats and dogs as pets. = compare cat
Compare the two phones described in the text. = compare phone
Convert 50 miles to kilometres. = convert mile
Calculate the area of a circle with radius 3. = calculate area
Solve the equation for x. = solve equation
Correct the spelling mistakes in this note. = correct mistake
Fix the bug in the code. = fix bug
Find all the verbs used in the sentence. = find verb
Fill in the blank with a suitable word. = fill -
Come up with a plan for a rainy day. = come -
Think of a word that rhymes with orange. = think -
Tell me a joke about accountants. = tell joke
Tell a story in which nobody speaks. = tell story
Pick out the odd word. = pick word
Imagine you are a ghost. = imagine -
Your task is to label the review as positive or negative. = label review
You need to count the vowels. = count vowel
I want you to proofread my letter. = proofread letter
I would like you to plan a birthday party. = plan party
Briefly outline the plot of Hamlet. = outline plot
Now replace every adjective with its opposite. = replace adjective
Let's play a word game. = play game
Act as a tour guide. = act -
Decide whether the statement is true. = decide -
Determine if the number is even. = determine -
Identify the author of the quote. = identify author
Identify three key people in the story. = identify people
Provide an example of irony. = provide example
Provide step-by-step instructions for changing a tyre. = provide instruction
Construct a sentence using the word "thimble". = construct sentence
Edit the following text for clarity. = edit text
Add a comma where it is needed. = add comma
Arrange the steps in the right order. = arrange step
Predict the next number in the series. = predict number
Evaluate the argument. = evaluate argument
Brainstorm ideas for a school fair. = brainstorm idea
Which unstated assumption does the argument depend on? = depend -
What should I pack for a week in Iceland? = pack -
Where can we buy fresh fish? = buy fish
The following is a recipe. Shorten it. = - -
Translate "good morning" into Polish. = translate -
Is the following claim a fact or an opinion? = - -
Turn the notes into a timeline. = turn note
Put the sentence into the past tense. = put sentence
Take a position on school uniforms. = take position
Do you know any card games? = know game
Reimagine the ending of Cinderella. = reimagine ending
Suitable for vegans, yes or no? = - -
Warn elderly neighbours about fake calls. = warn neighbour
Draft a two-page contract for a dog walker. = draft contract
Analyse the tone of the speech given by the mayor. = analyse tone
Write the company a letter of complaint. = write letter
Develop a machine learning model for spam. = develop model
Recommend some good movies for children. = recommend movie
Discuss the causes and effects of drought. = discuss cause
State the law of demand. = state law
Check the sentence for errors and list them. = check sentence
Here are some facts about bees; turn them into a quiz. = turn -
Answer the question. = answer question
Rank the cities by population. = rank city
Show me the steps to boil an egg. = show step
Write. = write -
""".strip().splitlines()
    )
]
